// Prints what a server sends of tables when asked as postgres/table_reader asks, on a connection
// that is pinned as postgres/connection pins it: "# table NAME", then one CopyData message a line
// in hex. Makes copy.hex; not a test.
//
//   capture_rows CONNINFO TABLE...
//
// The tables are of the schema "captured".
#include <postgresql/libpq-fe.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "model/error.h"
#include "model/relation.h"
#include "postgres/connection.h"
#include "postgres/copy_row.h"
#include "postgres/libpq_access.h"
#include "postgres/relation_reader.h"

namespace {

using namespace lockstep;

template <typename T>
T Must(model::Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "capture_rows: %s\n", result.error().message.c_str());
  std::exit(EXIT_FAILURE);
}

void PrintRows(const postgres::Connection& connection, const model::Relation& table) {
  PGconn* handle = postgres::LibpqAccess::Handle(connection);
  const std::string command = postgres::CopyCommand(table, postgres::RowForm::kComplete);
  postgres::ResultHandle begun(PQexec(handle, command.c_str()));
  if (PQresultStatus(begun.get()) != PGRES_COPY_OUT) {
    std::fprintf(stderr, "capture_rows: %s", PQerrorMessage(handle));
    std::exit(EXIT_FAILURE);
  }
  std::printf("# table %s\n", table.name.c_str());
  char* buffer = nullptr;
  for (int size = 0; (size = PQgetCopyData(handle, &buffer, 0)) > 0; PQfreemem(buffer)) {
    for (int i = 0; i < size; ++i) std::printf("%02x", static_cast<unsigned char>(buffer[i]));
    std::printf("\n");
  }
  while (PGresult* next = PQgetResult(handle)) PQclear(next);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: capture_rows CONNINFO TABLE...\n");
    return EXIT_FAILURE;
  }
  auto connection = Must(postgres::Connection::Open(argv[1], postgres::ConnectionKind::kSql));
  std::vector<postgres::TableName> names;
  for (int i = 2; i < argc; ++i) names.push_back({"captured", argv[i]});
  for (const auto& table : Must(postgres::ReadRelations(connection, names)))
    PrintRows(connection, *table);
}
