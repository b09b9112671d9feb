#include "postgres/identity_guard.h"

#include <fmt/format.h>

#include <string_view>

#include "model/relation.h"
#include "postgres/lock_wait.h"
#include "postgres/replica_identity.h"

namespace lockstep::postgres {

// Whoever alters a publication locks it to the end of the transaction. So nobody waits for a table
// with that lock: the table comes first, and one that somebody else has is left to who has it.
// (NOWAIT fails also for a table that the session has locked itself, where somebody waits for it.)
std::string UnpublishLostSql(const std::string& publications, std::chrono::milliseconds patience) {
  constexpr std::string_view kBlock = R"(
DECLARE lost record;
BEGIN
  FOR lost IN SELECT p.pubname, n.nspname, c.relname FROM pg_catalog.pg_publication p
    JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid
    JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE pg_catalog.starts_with(p.pubname::pg_catalog.text, {}) AND p.pubupdate AND NOT {}
  LOOP
    BEGIN
      PERFORM pg_catalog.set_config('lock_timeout', '10ms', true);
      EXECUTE pg_catalog.format('LOCK TABLE ONLY %I.%I IN SHARE UPDATE EXCLUSIVE MODE',
        lost.nspname, lost.relname);
      PERFORM {};
      EXECUTE pg_catalog.format('ALTER PUBLICATION %I DROP TABLE ONLY %I.%I', lost.pubname,
        lost.nspname, lost.relname);
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
EXCEPTION WHEN OTHERS THEN NULL;
END)";
  return fmt::format(kBlock, model::SqlLiteral(publications), kHasPublishableIdentity,
                     BoundPublicationWaitSql(patience));
}

}  // namespace lockstep::postgres
