// Keeps the user's UPDATE and DELETE from failing for a publication of ours: Postgres refuses them
// for a table whose changes are all published, once it has lost its replica identity.
#ifndef LOCKSTEP_POSTGRES_IDENTITY_GUARD_H_
#define LOCKSTEP_POSTGRES_IDENTITY_GUARD_H_

#include <string>

namespace lockstep::postgres {

// A PL/pgSQL block, without a semicolon behind it, that takes such tables out of the publications
// whose names begin with `publications`. Whatever hinders it leaves them there: it may be run
// again. Tables that inherit from one are published for themselves, and stay. No name in it depends
// on the search path.
std::string UnpublishLostSql(const std::string& publications);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_IDENTITY_GUARD_H_
