#include "wire/row_codec.h"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <msgpack.hpp>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace lockstep::wire {
namespace {

using model::Error;
using model::ErrorKind;
using model::Fail;
using model::Result;
using model::Row;

// The first element of an operation.
enum Tag : std::uint32_t {
  kInsert = 0,
  kUpsert = 1,
  kUpdate = 2,
  kDelete = 3,
  kSavepoint = 4,
  kRollbackTo = 5,
  kRelease = 6,
  kTruncate = 7,
  kMessage = 8,
};

// --- Writing ---

struct StringSink {
  std::string* out;
  void write(const char* bytes, std::size_t size) { out->append(bytes, size); }
};

using Packer = msgpack::packer<StringSink>;

void PackRow(Packer& packer, const Row& row) {
  const auto size = static_cast<std::uint32_t>(row.bytes().size());
  packer.pack_bin(size);
  packer.pack_bin_body(row.bytes().data(), size);
}

// The opening of an operation: an array of `size`, its tag and its table.
void PackHead(Packer& packer, std::uint32_t size, Tag tag, std::uint32_t table) {
  packer.pack_array(size);
  packer.pack_uint32(tag);
  packer.pack_uint32(table);
}

struct OperationPacker {
  Packer& packer;

  void operator()(const model::InsertRow& insert) {
    PackHead(packer, 3, kInsert, insert.table);
    PackRow(packer, insert.row);
  }
  void operator()(const model::UpsertRow& upsert) {
    PackHead(packer, 4, kUpsert, upsert.table);
    PackRow(packer, upsert.row);
    packer.pack_array(static_cast<std::uint32_t>(upsert.updated_columns.size()));
    for (std::uint32_t column : upsert.updated_columns) packer.pack_uint32(column);
  }
  void operator()(const model::UpdateRow& update) {
    PackHead(packer, 4, kUpdate, update.table);
    PackRow(packer, update.key);
    PackRow(packer, update.assignments);
  }
  void operator()(const model::DeleteRow& erase) {
    PackHead(packer, 3, kDelete, erase.table);
    PackRow(packer, erase.key);
  }
  void operator()(model::Savepoint) { PackAlone(kSavepoint); }
  void operator()(model::RollbackToSavepoint) { PackAlone(kRollbackTo); }
  void operator()(model::ReleaseSavepoint) { PackAlone(kRelease); }

  void operator()(const model::TruncateTable& truncate) {
    PackHead(packer, 2, kTruncate, truncate.table);
  }
  void operator()(const model::EmitMessage& message) {
    packer.pack_array(3);
    packer.pack_uint32(kMessage);
    packer.pack(message.prefix);
    packer.pack(message.content);
  }

  void PackAlone(Tag tag) {
    packer.pack_array(1);
    packer.pack_uint32(tag);
  }
};

// --- Reading: MessagePack to tokens, tokens to structs ---

struct Token {
  enum class Type : std::uint8_t { kInteger, kBin, kStr, kNil, kArray } type = Type::kNil;
  std::uint64_t number = 0;     // the integer, or the elements of the array
  std::string_view bytes = {};  // of a bin or a str
};

// Keeps what the grammar knows and stops the parser at anything else. Each token takes at least one
// byte of the body, so that memory is bounded by it; nothing is allocated by a length that the body
// only claims.
class TokenVisitor : public msgpack::null_visitor {
 public:
  explicit TokenVisitor(std::vector<Token>& tokens) : tokens_(tokens) {}

  bool visit_nil() { return Add({.type = Token::Type::kNil}); }
  bool visit_positive_integer(std::uint64_t value) {
    return Add({.type = Token::Type::kInteger, .number = value});
  }
  bool visit_bin(const char* bytes, std::uint32_t size) {
    return Add({.type = Token::Type::kBin, .bytes = std::string_view(bytes, size)});
  }
  bool start_array(std::uint32_t size) {
    // script, operations, operation, columns
    constexpr int kDeepest = 4;
    return ++depth_ <= kDeepest && Add({.type = Token::Type::kArray, .number = size});
  }
  bool end_array() {
    --depth_;
    return true;
  }
  bool visit_boolean(bool) { return false; }
  bool visit_negative_integer(std::int64_t) { return false; }
  bool visit_float32(float) { return false; }
  bool visit_float64(double) { return false; }
  bool visit_str(const char* bytes, std::uint32_t size) {
    return Add({.type = Token::Type::kStr, .bytes = std::string_view(bytes, size)});
  }
  bool visit_ext(const char*, std::uint32_t) { return false; }
  bool start_map(std::uint32_t) { return false; }
  void parse_error(std::size_t, std::size_t) {}
  void insufficient_bytes(std::size_t, std::size_t) { is_cut_off_ = true; }
  bool is_cut_off() const { return is_cut_off_; }

 private:
  bool Add(Token token) {
    tokens_.push_back(token);
    return true;
  }

  std::vector<Token>& tokens_;
  int depth_ = 0;
  bool is_cut_off_ = false;
};

// Walks tokens. The first fault stays; after it every read gives an empty value and every array is
// empty.
class Reader {
 public:
  explicit Reader(std::string_view body) {
    TokenVisitor visitor(tokens_);
    std::size_t offset = 0;
    const bool is_whole = msgpack::parse(body.data(), body.size(), offset, visitor);
    if (visitor.is_cut_off()) {
      Stop(fmt::format("cut off after {} bytes", body.size()));
    } else if (!is_whole) {
      Stop(fmt::format("not a MessagePack type of the grammar near byte {}", offset));
    } else if (offset != body.size()) {
      Stop(fmt::format("{} bytes follow the end at byte {}", body.size() - offset, offset));
    }
  }

  bool ok() const { return !fault_.has_value(); }
  std::unexpected<Error> Failure(std::string_view what) const {
    return Fail(ErrorKind::kMalformed, fmt::format("{}: {}", what, *fault_));
  }

  // The number of elements that follow, which are there.
  std::size_t Array(std::string_view field) {
    return static_cast<std::size_t>(Take(Token::Type::kArray, field, "an array").number);
  }
  void ArrayOf(std::size_t size, std::string_view field) {
    const std::size_t found = Array(field);
    if (ok() && found != size) {
      Stop(fmt::format("{} has {} elements instead of {}", field, found, size));
    }
  }
  std::uint64_t U64(std::string_view field) {
    return Take(Token::Type::kInteger, field, "an unsigned integer").number;
  }
  std::uint32_t U32(std::string_view field) {
    const std::uint64_t value = U64(field);
    if (value > std::numeric_limits<std::uint32_t>::max()) {
      Stop(fmt::format("{} is {}, which is more than 32 bits", field, value));
      return 0;
    }
    return static_cast<std::uint32_t>(value);
  }
  std::string Text(std::string_view field) {
    return std::string(Take(Token::Type::kStr, field, "str").bytes);
  }
  Row TakeRow(std::string_view field) {
    const Token token = Take(Token::Type::kBin, field, "bin");
    if (!ok()) return Row();
    Result<Row> row = Row::FromCanonical(token.bytes);
    if (!row.has_value()) {
      Stop(fmt::format("{}: {}", field, row.error().message));
      return Row();
    }
    return *std::move(row);
  }
  std::optional<Row> TakeRowOrNil(std::string_view field) {
    if (ok() && next_ < tokens_.size() && tokens_[next_].type == Token::Type::kNil) {
      ++next_;
      return std::nullopt;
    }
    return TakeRow(field);
  }
  void Stop(std::string fault) {
    if (ok()) fault_ = std::move(fault);
  }

 private:
  Token Take(Token::Type type, std::string_view field, std::string_view type_name) {
    if (!ok()) return Token{.type = type};
    if (next_ >= tokens_.size() || tokens_[next_].type != type) {
      Stop(fmt::format("{} (element {} of the body) is not {}", field, next_, type_name));
      return Token{.type = type};
    }
    return tokens_[next_++];
  }

  std::vector<Token> tokens_;
  std::size_t next_ = 0;
  std::optional<std::string> fault_;
};

model::UpsertRow TakeUpsert(Reader& reader) {
  model::UpsertRow upsert;
  upsert.table = reader.U32("table");
  upsert.row = reader.TakeRow("row");
  const std::size_t columns = reader.Array("updated columns");
  upsert.updated_columns.reserve(columns);
  for (std::size_t i = 0; i < columns && reader.ok(); ++i) {
    upsert.updated_columns.push_back(reader.U32("updated column"));
  }
  return upsert;
}

model::Operation TakeOperation(Reader& reader) {
  const std::size_t size = reader.Array("operation");
  const std::uint32_t tag = reader.U32("operation tag");
  const auto expect = [&](std::size_t expected) {
    if (size != expected) {
      reader.Stop(fmt::format("operation {} has {} elements instead of {}", tag, size, expected));
    }
  };
  // Each branch takes its elements in a statement of its own: the order of evaluation counts.
  switch (tag) {
    case kInsert: {
      expect(3);
      model::InsertRow insert;
      insert.table = reader.U32("table");
      insert.row = reader.TakeRow("row");
      return insert;
    }
    case kUpsert:
      expect(4);
      return TakeUpsert(reader);
    case kUpdate: {
      expect(4);
      model::UpdateRow update;
      update.table = reader.U32("table");
      update.key = reader.TakeRow("key");
      update.assignments = reader.TakeRow("assignments");
      return update;
    }
    case kDelete: {
      expect(3);
      model::DeleteRow erase;
      erase.table = reader.U32("table");
      erase.key = reader.TakeRow("key");
      return erase;
    }
    case kSavepoint:
      expect(1);
      return model::Savepoint{};
    case kRollbackTo:
      expect(1);
      return model::RollbackToSavepoint{};
    case kRelease:
      expect(1);
      return model::ReleaseSavepoint{};
    case kTruncate:
      expect(2);
      return model::TruncateTable{reader.U32("table")};
    case kMessage: {
      expect(3);
      model::EmitMessage message;
      message.prefix = reader.Text("prefix");
      message.content = reader.Text("content");
      return message;
    }
  }
  reader.Stop(fmt::format("{} is not the tag of an operation", tag));
  return model::Savepoint{};
}

}  // namespace

std::string EncodeScript(const model::Script& script) {
  std::string body;
  StringSink sink{&body};
  Packer packer(sink);
  packer.pack_array(4);
  packer.pack_uint64(script.id.value);
  packer.pack_uint32(script.session.value);
  packer.pack_uint32(static_cast<std::uint32_t>(script.end));
  packer.pack_array(static_cast<std::uint32_t>(script.operations.size()));
  for (const model::Operation& operation : script.operations) {
    std::visit(OperationPacker{packer}, operation);
  }
  return body;
}

std::string EncodeRowsRequest(const RowsRequest& request) {
  std::string body;
  StringSink sink{&body};
  Packer packer(sink);
  packer.pack_array(2);
  packer.pack_uint64(request.end_lsn.value);
  packer.pack_array(static_cast<std::uint32_t>(request.rows.size()));
  for (const RowAddress& address : request.rows) {
    packer.pack_array(2);
    packer.pack(address.table);
    PackRow(packer, address.key);
  }
  return body;
}

std::string EncodeRowsReply(const RowsReply& reply) {
  std::string body;
  StringSink sink{&body};
  Packer packer(sink);
  packer.pack_array(2);
  packer.pack_uint64(reply.end_lsn.value);
  packer.pack_array(static_cast<std::uint32_t>(reply.rows.size()));
  for (const RowsReply::Item& item : reply.rows) {
    packer.pack_array(3);
    packer.pack(item.address.table);
    PackRow(packer, item.address.key);
    if (item.row.has_value()) {
      PackRow(packer, *item.row);
    } else {
      packer.pack_nil();
    }
  }
  return body;
}

Result<model::Script> DecodeScript(std::string_view body) {
  Reader reader(body);
  model::Script script;
  reader.ArrayOf(4, "script");
  script.id.value = reader.U64("transaction id");
  script.session.value = reader.U32("session");
  const std::uint32_t end = reader.U32("end");
  if (end > static_cast<std::uint32_t>(model::ScriptEnd::kRollback)) {
    reader.Stop(fmt::format("end is {}, which is neither 0 nor 1", end));
  }
  script.end = static_cast<model::ScriptEnd>(end);
  const std::size_t operations = reader.Array("operations");
  script.operations.reserve(operations);
  for (std::size_t i = 0; i < operations && reader.ok(); ++i) {
    script.operations.push_back(TakeOperation(reader));
  }
  if (!reader.ok()) return reader.Failure("Script");
  return script;
}

Result<RowsRequest> DecodeRowsRequest(std::string_view body) {
  Reader reader(body);
  RowsRequest request;
  reader.ArrayOf(2, "rows-request");
  request.end_lsn.value = reader.U64("end_lsn");
  const std::size_t rows = reader.Array("rows");
  request.rows.reserve(rows);
  for (std::size_t i = 0; i < rows && reader.ok(); ++i) {
    reader.ArrayOf(2, "address");
    RowAddress& address = request.rows.emplace_back();
    address.table = reader.Text("table");
    address.key = reader.TakeRow("key");
  }
  if (!reader.ok()) return reader.Failure("RowsRequest");
  return request;
}

Result<RowsReply> DecodeRowsReply(std::string_view body) {
  Reader reader(body);
  RowsReply reply;
  reader.ArrayOf(2, "rows-reply");
  reply.end_lsn.value = reader.U64("end_lsn");
  const std::size_t rows = reader.Array("rows");
  reply.rows.reserve(rows);
  for (std::size_t i = 0; i < rows && reader.ok(); ++i) {
    reader.ArrayOf(3, "item");
    RowsReply::Item& item = reply.rows.emplace_back();
    item.address.table = reader.Text("table");
    item.address.key = reader.TakeRow("key");
    item.row = reader.TakeRowOrNil("row");
  }
  if (!reader.ok()) return reader.Failure("RowsReply");
  return reply;
}

}  // namespace lockstep::wire
