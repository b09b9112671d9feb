#include "postgres/identity_guard.h"

#include <fmt/format.h>

#include <string_view>

#include "model/relation.h"
#include "postgres/replica_identity.h"

namespace lockstep::postgres {

std::string UnpublishLostSql(const std::string& publications) {
  constexpr std::string_view kBlock = R"(
DECLARE lost record;
BEGIN
  FOR lost IN SELECT p.pubname, n.nspname, c.relname FROM pg_catalog.pg_publication p
    JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid
    JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE pg_catalog.starts_with(p.pubname::pg_catalog.text, {}) AND p.pubupdate AND NOT {}
  LOOP
    EXECUTE pg_catalog.format('ALTER PUBLICATION %I DROP TABLE ONLY %I.%I', lost.pubname,
      lost.nspname, lost.relname);
  END LOOP;
EXCEPTION WHEN OTHERS THEN NULL;
END)";
  return fmt::format(kBlock, model::SqlLiteral(publications), kHasPublishableIdentity);
}

}  // namespace lockstep::postgres
