// What the latest minor releases of Postgres refuse and those before do not.
#ifndef LOCKSTEP_TESTS_POSTGRES_PLUGIN_RESTRICTION_H_
#define LOCKSTEP_TESTS_POSTGRES_PLUGIN_RESTRICTION_H_

#include "postgres/connection.h"
#include "postgres/local_cluster.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {

// Whether the server lets only listed plugins be used (output_plugin_libraries). A LocalCluster
// leaves the setting out where it is not known.
inline bool RestrictsPlugins(const LocalCluster& cluster) {
  return Must(Must(Connection::Open(cluster.uri(), ConnectionKind::kSql))
                  .Scalar("SELECT count(*) FROM pg_settings WHERE name = "
                          "'output_plugin_libraries'")) == "1";
}

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_TESTS_POSTGRES_PLUGIN_RESTRICTION_H_
