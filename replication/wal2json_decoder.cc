#include "replication/wal2json_decoder.h"

#include <fmt/format.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/text_form.h"
#include "model/type_oid.h"
#include "replication/column_type.h"
#include "replication/follow_policy.h"
#include "replication/sql_name.h"
#include "replication/wal2json_message.h"
#include "replication/wal2json_value.h"

namespace lockstep::replication {
namespace {

using model::ErrorKind;
using model::Fail;
using model::Result;
using model::Row;
using model::Xid;
using Columns = std::vector<Wal2jsonColumn>;

constexpr const char* kTableChanged = "the table changed since the listener attached, attach again";

// A table as the stream names it.
struct SentTable {
  QualifiedName name;
  model::RelationPtr relation = nullptr;  // nullptr: not followed
  // Why the table is not known, though it should be followed; told with its first change.
  std::optional<model::Error> unknown = {};
  bool is_unread = false;  // it was told
  Xid changed_by = {};     // last
};

class Wal2jsonDecoder final : public Decoder {
 public:
  explicit Wal2jsonDecoder(RelationMap relations) : relations_(std::move(relations)) {}

  Result<Event> Decode(const XLogData& frame) override {
    auto parsed = parser_.Parse(frame.payload);
    if (!parsed) return Fail("wal2json", std::move(parsed.error()));
    const Wal2jsonMessage& message = **parsed;
    const char action =
        message.action && message.action->size() == 1 ? message.action->front() : '\0';
    if (action == 'M' && message.transactional == false) return NoEvent{};
    if (!message.xid) return Malformed(message, "xid");
    const Xid xid{*message.xid};
    switch (action) {
      case 'B':
        open_ = xid;
        return BeginEvent{xid};
      case 'C':
        return DecodeCommit(xid, message, frame);
      case 'I':
      case 'U':
      case 'D':
      case 'T':
        return DecodeOfTable(xid, message, action);
      case 'M':
        return DecodeMessage(xid, message);
      default:
        return Fail(ErrorKind::kMalformed,
                    fmt::format("wal2json: action {} of transaction {} is not known",
                                message.action ? *message.action : "(none)", xid.value));
    }
  }

  // The plugin warns of each UPDATE and DELETE that it leaves out:
  //   no tuple identifier for UPDATE in table "schema"."table"
  Result<Event> DecodeNotice(std::string_view notice) override {
    constexpr std::string_view kBefore = " in table \"";
    constexpr std::string_view kSeparator = "\".\"";
    const std::size_t begin = notice.find(kBefore);
    if (relations_.policy() == FollowPolicy::kStrict || !notice.starts_with("no ") ||
        begin == std::string_view::npos)
      return NoEvent{};
    std::string_view names = notice.substr(begin + kBefore.size());
    if (!names.ends_with('"')) return NoEvent{};
    names.remove_suffix(1);
    // Quotes inside of names are not doubled: there may be several ways to read them.
    for (std::size_t at = names.find(kSeparator); at != std::string_view::npos;
         at = names.find(kSeparator, at + 1)) {
      auto table = FindTable(names.substr(0, at), names.substr(at + kSeparator.size()), open_);
      if (!table || !(*table)->relation) continue;
      return SetAside(open_, **table,
                      {ErrorKind::kUnsupported,
                       fmt::format("changed without a replica identity ({})", notice)});
    }
    return NoEvent{};
  }

 private:
  // Where the cells of a row come from, by position of the column; nullptr: not sent.
  using Cells = std::vector<const Wal2jsonColumn*>;

  static std::unexpected<model::Error> Malformed(const Wal2jsonMessage& message,
                                                 std::string_view field) {
    return Fail(ErrorKind::kMalformed,
                fmt::format("wal2json: a message with action {} without {}",
                            message.action ? *message.action : "(none)", field));
  }

  Result<Event> DecodeCommit(Xid xid, const Wal2jsonMessage& message, const XLogData& frame) {
    if (!message.timestamp) return Malformed(message, "timestamp");
    static const model::Column kTimestamp{"timestamp", model::type_oid::kTimestamptz,
                                          "timestamp with time zone"};
    builder_.Clear();
    if (auto ok = model::AppendFromText(kTimestamp, *message.timestamp, builder_); !ok)
      return Fail(fmt::format("wal2json: transaction {}", xid.value), std::move(ok.error()));
    const Row row = builder_.Build();
    const auto time = std::get<model::Timestamp>(std::get<model::Value>(row.At(0)));
    return CommitEvent{xid, frame.start, time.micros};
  }

  Result<Event> DecodeMessage(Xid xid, const Wal2jsonMessage& message) {
    if (!message.transactional) return Malformed(message, "transactional");
    if (!message.prefix) return Malformed(message, "prefix");
    if (!message.content) return Malformed(message, "content");
    return ChangeEvent{
        xid, model::LogicalMessage{std::string(*message.prefix), std::string(*message.content)}};
  }

  Result<Event> DecodeOfTable(Xid xid, const Wal2jsonMessage& message, char action) {
    if (!message.schema) return Malformed(message, "schema");
    if (!message.table) return Malformed(message, "table");
    auto table = FindTable(*message.schema, *message.table, xid);
    if (!table) return Fail("wal2json", std::move(table.error()));
    if ((*table)->unknown)
      return SetAside(xid, **table, *std::exchange((*table)->unknown, std::nullopt));
    model::RelationPtr& relation = (*table)->relation;
    if (!relation) return OtherTableEvent{xid, (*table)->is_unread};
    if (action == 'T') return TruncateEvent{xid, {relation}};
    const bool has_row = action != 'D';
    if (has_row && !message.columns) return Malformed(message, "columns");
    if (!has_row && !message.identity) return Malformed(message, "identity");
    if (action != 'I') {
      if (auto keyed = relations_.FindKeyed({.name = (*table)->name, .xid = xid}, relation))
        relation = std::move(keyed);
    }
    auto change = DecodeRows(relation, message, action);
    if (!change && change.error().kind == ErrorKind::kMisfit) {
      if (auto anew = relations_.FindMadeAnew(
              {.name = (*table)->name, .xid = xid, .changed_by = (*table)->changed_by})) {
        relation = std::move(anew);
        change = DecodeRows(relation, message, action);
      }
    }
    if (!change) return SetAside(xid, **table, std::move(change.error()));
    (*table)->changed_by = xid;
    return ChangeEvent{xid, std::move(*change)};
  }

  // Where that is the policy; else the following ends.
  Result<Event> SetAside(Xid xid, SentTable& table, model::Error error) {
    error.message = fmt::format("wal2json: transaction {}, table {}.{}: {}", xid.value,
                                model::QuoteIfNeeded(table.name.schema),
                                model::QuoteIfNeeded(table.name.name), error.message);
    auto event = Unreadable(relations_.policy(), xid, table.name, std::move(error));
    if (event) {
      table.relation = nullptr;
      table.is_unread = true;
    }
    return event;
  }

  Result<model::Change> DecodeRows(const model::RelationPtr& relation,
                                   const Wal2jsonMessage& message, char action) {
    if (action == 'D') {
      auto old_row = DecodeOldRow(*relation, *message.identity);
      if (!old_row) return std::unexpected(std::move(old_row.error()));
      return model::Delete{relation, std::move(*old_row)};
    }
    auto row = DecodeNewRow(*relation, *message.columns, action);
    if (!row) return std::unexpected(std::move(row.error()));
    if (action == 'I') return model::Insert{relation, std::move(*row)};
    model::Update update{relation, std::nullopt, std::move(*row)};
    if (message.identity) {
      auto old_row = DecodeOldRow(*relation, *message.identity);
      if (!old_row) return std::unexpected(std::move(old_row.error()));
      if (IsWhole(*relation) || IdentityChanged(*relation)) update.old_row = std::move(*old_row);
    }
    return update;
  }

  Result<Row> DecodeNewRow(const model::Relation& relation, const Columns& columns, char action) {
    if (auto ok = Arrange(relation, columns, new_cells_); !ok)
      return std::unexpected(std::move(ok.error()));
    builder_.Clear();
    for (std::size_t i = 0; i < relation.columns.size(); ++i) {
      const model::Column& column = relation.columns[i];
      if (new_cells_[i]) {
        if (auto ok = AppendWal2jsonValue(column, *new_cells_[i], builder_); !ok)
          return std::unexpected(std::move(ok.error()));
      } else if (action == 'U' && MayLieOutOfLine(column.type)) {
        builder_.Add(model::Cell(model::Unchanged{}));
      } else {
        return NotSent(column);
      }
    }
    return builder_.Build();
  }

  // Whether an old row is all of the row: of a table without a key, also where its identity was
  // FULL only meanwhile.
  static bool IsWhole(const model::Relation& relation) {
    return relation.identity == model::ReplicaIdentity::kFull || relation.key.empty();
  }

  Result<Row> DecodeOldRow(const model::Relation& relation, const Columns& columns) {
    if (auto ok = Arrange(relation, columns, old_cells_); !ok)
      return std::unexpected(std::move(ok.error()));
    builder_.Clear();
    for (std::size_t i = 0; i < relation.columns.size(); ++i) {
      const model::Column& column = relation.columns[i];
      const bool is_told = IsWhole(relation) || relation.IsKeyColumn(static_cast<std::uint32_t>(i));
      const bool may_be_absent =
          relation.key.empty() && relation.identity != model::ReplicaIdentity::kFull;
      if (!is_told || (!old_cells_[i] && may_be_absent)) {
        builder_.Add(model::Cell(model::NotInIdentity{}));
      } else if (!old_cells_[i]) {
        return NotSent(column);
      } else if (auto ok = AppendWal2jsonValue(column, *old_cells_[i], builder_); !ok) {
        return std::unexpected(std::move(ok.error()));
      }
    }
    return builder_.Build();
  }

  static std::unexpected<model::Error> NotSent(const model::Column& column) {
    return Fail(ErrorKind::kMisfit,
                fmt::format("column {} is not sent; {}", column.name, kTableChanged));
  }

  // Of the two rows arranged last. An out-of-line key that was not touched is only in the old one.
  bool IdentityChanged(const model::Relation& relation) const {
    for (const std::uint32_t i : relation.key) {
      const Wal2jsonColumn* before = old_cells_[i];
      const Wal2jsonColumn* after = new_cells_[i];
      if (!after || before->kind != after->kind || before->text != after->text) return true;
    }
    return false;
  }

  // Columns come in the table's order, so that the next one is mostly the one after the last.
  static Result<void> Arrange(const model::Relation& relation, const Columns& columns,
                              Cells& cells) {
    const std::size_t count = relation.columns.size();
    cells.assign(count, nullptr);
    std::size_t expected = 0;
    for (const Wal2jsonColumn& sent : columns) {
      std::size_t tried = 0;
      while (tried < count && relation.columns[expected % count].name != sent.name) {
        ++expected;
        ++tried;
      }
      if (tried == count) {
        // It comes as null, whatever it would be computed to.
        if (relation.IsVirtualColumn(sent.name)) continue;
        return Fail(ErrorKind::kMisfit,
                    fmt::format("column {} is sent and not known; {}", sent.name, kTableChanged));
      }
      const std::size_t position = expected++ % count;
      if (std::exchange(cells[position], &sent)) {
        return Fail(ErrorKind::kMalformed, fmt::format("column {} is sent twice", sent.name));
      }
      if (sent.type_oid == 0) continue;
      if (auto ok = CheckColumnType(relation.columns[position], sent.type_oid); !ok) return ok;
    }
    return {};
  }

  Result<SentTable*> FindTable(std::string_view schema, std::string_view name, Xid xid) {
    // No name holds the separator.
    key_.assign(schema).push_back('\0');
    key_.append(name);
    if (auto it = tables_.find(key_); it != tables_.end()) return &it->second;
    SentTable table{{std::string(schema), std::string(name)}};
    auto relation = relations_.Find({table.name, xid});
    if (relation) {
      table.relation = std::move(*relation);
    } else if (relations_.policy() == FollowPolicy::kSetAside) {
      table.unknown = std::move(relation.error());
    } else {
      return std::unexpected(std::move(relation.error()));
    }
    return &tables_.emplace(key_, std::move(table)).first->second;
  }

  RelationMap relations_;
  Wal2jsonParser parser_;
  model::RowBuilder builder_;
  Cells new_cells_;
  Cells old_cells_;
  std::unordered_map<std::string, SentTable> tables_;
  std::string key_;
  Xid open_;  // of the transaction begun last
};

}  // namespace

std::unique_ptr<Decoder> MakeWal2jsonDecoder(RelationMap relations) {
  return std::make_unique<Wal2jsonDecoder>(std::move(relations));
}

}  // namespace lockstep::replication
