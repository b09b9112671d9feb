// Keeps the user's UPDATE and DELETE from failing for a publication of ours: Postgres refuses them
// for a table whose changes are all published, once it has lost its replica identity.
#ifndef LOCKSTEP_POSTGRES_IDENTITY_GUARD_H_
#define LOCKSTEP_POSTGRES_IDENTITY_GUARD_H_

#include <chrono>
#include <string>

namespace lockstep::postgres {

// A PL/pgSQL block, without a semicolon behind it, that takes such tables out of the publications
// whose names begin with `publications`. Tables that inherit from one are published for themselves,
// and stay.
//
// It waits for a publication that somebody else alters, `patience` at most (postgres/lock_wait.h),
// and for no table. Whatever hinders it with one table leaves that one there: it may be run again.
// It sets lock_timeout for the rest of the transaction. No name in it depends on the search path.
std::string UnpublishLostSql(const std::string& publications, std::chrono::milliseconds patience);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_IDENTITY_GUARD_H_
