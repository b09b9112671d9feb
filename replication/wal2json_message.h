// One message of wal2json's format version 2, taken out of its JSON and not yet understood.
//
// Source: pg_decode_*_v2 of the plugin's wal2json.c; what was seen of 2.5:
//
//   {"action":"B"|"C", "xid":n, "timestamp":"..."}
//   {"action":"I"|"U"|"D", ..., "schema":"...", "table":"...", "columns":[column*],
//    "identity":[column*]}                           columns not in D, identity not in I
//   {"action":"T", ..., "schema":"...", "table":"..."}
//   {"action":"M", ..., "transactional":bool, "prefix":"...", "content":"..."}
//                                                    xid and timestamp null outside a transaction
//   column: {"name":"...", "typeoid":n, "value":null|bool|number|"..."}    2.3 has no typeoid
//
// Text is in the database's encoding, whatever that is: the bytes come out as they were sent. Every
// encoding that a server can have keeps ASCII bytes for ASCII characters.
//
// Whatever else a message has (more options, newer versions) is passed over.
#ifndef LOCKSTEP_REPLICATION_WAL2JSON_MESSAGE_H_
#define LOCKSTEP_REPLICATION_WAL2JSON_MESSAGE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "model/error.h"

namespace lockstep::replication {

enum class Wal2jsonKind { kNull, kBool, kNumber, kString };

struct Wal2jsonColumn {
  std::string_view name;
  std::uint32_t type_oid = 0;  // 0: not told, as before 2.5
  Wal2jsonKind kind = Wal2jsonKind::kNull;
  std::string_view text;  // a string's characters, a number's digits, true or false
};

// What the message says; views into the parser.
struct Wal2jsonMessage {
  std::optional<std::string_view> action;
  std::optional<std::uint32_t> xid;
  std::optional<std::string_view> timestamp;
  std::optional<std::string_view> schema;
  std::optional<std::string_view> table;
  const std::vector<Wal2jsonColumn>* columns = nullptr;
  const std::vector<Wal2jsonColumn>* identity = nullptr;
  std::optional<bool> transactional;
  std::optional<std::string_view> prefix;
  std::optional<std::string_view> content;
};

class Wal2jsonParser {
 public:
  Wal2jsonParser();
  ~Wal2jsonParser();

  // The message holds until the next call. kMalformed, with the field and the byte offset, when the
  // payload is not exactly one JSON object whose known fields are what they should be. (Where text
  // is not UTF-8, a byte above 127 counts twice in the offset.)
  model::Result<const Wal2jsonMessage*> Parse(std::string_view payload);

 private:
  class Reader;
  std::unique_ptr<Reader> reader_;
};

}  // namespace lockstep::replication

#endif  // LOCKSTEP_REPLICATION_WAL2JSON_MESSAGE_H_
