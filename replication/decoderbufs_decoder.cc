#include "replication/decoderbufs_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "model/truncation_log.h"
#include "proto/decoderbufs.pb.h"
#include "replication/column_type.h"
#include "replication/decoderbufs_datum.h"
#include "replication/follow_policy.h"
#include "replication/sql_name.h"

namespace lockstep::replication {
namespace {

using decoderbufs::DatumMessage;
using decoderbufs::RowMessage;
using model::ErrorKind;
using model::Fail;
using model::ReplicaIdentity;
using model::Result;
using model::Row;
using model::Xid;
using Datums = google::protobuf::RepeatedPtrField<DatumMessage>;

// From 1970-01-01, the plugin's epoch, to 2000-01-01.
constexpr std::uint64_t kEpochMicros = 946'684'800'000'000;

// What an unset datum means: in a new row null, in an old row a column outside the identity (or
// null inside it).
enum class TupleKind { kNew, kOld };

// A table as the stream names it.
struct SentTable {
  QualifiedName name;
  model::RelationPtr relation;  // nullptr: not followed
  bool is_truncation_log = false;
  std::vector<std::string> column_names;  // as last sent (SQL-quoted) and found to fit, by position
  // Why the table is not known, though it should be followed; told with its first change.
  std::optional<model::Error> unknown = {};
  bool is_unread = false;  // it was told
  Xid changed_by = {};     // last
};

class DecoderbufsDecoder final : public Decoder {
 public:
  explicit DecoderbufsDecoder(RelationMap relations) : relations_(std::move(relations)) {}

  Result<Event> Decode(const XLogData& frame) override {
    if (!message_.ParseFromArray(frame.payload.data(), static_cast<int>(frame.payload.size()))) {
      return Fail(ErrorKind::kMalformed, "decoderbufs: the bytes are not a RowMessage");
    }
    if (!message_.has_op() || !message_.has_transaction_id()) {
      return Fail(ErrorKind::kMalformed,
                  "decoderbufs: a RowMessage without operation or transaction id");
    }
    const Xid xid{message_.transaction_id()};
    switch (message_.op()) {
      case decoderbufs::BEGIN:
        return BeginEvent{xid};
      case decoderbufs::COMMIT:
        return CommitEvent{xid, frame.start,
                           static_cast<std::int64_t>(message_.commit_time() - kEpochMicros)};
      case decoderbufs::INSERT:
      case decoderbufs::UPDATE:
      case decoderbufs::DELETE:
        return DecodeChange(xid);
      case decoderbufs::UNKNOWN:
        break;
    }
    return Fail(ErrorKind::kMalformed,
                fmt::format("decoderbufs: operation {} of transaction {} is not known",
                            static_cast<int>(message_.op()), xid.value));
  }

 private:
  Result<Event> DecodeChange(Xid xid) {
    auto table = FindTable(message_.table(), xid);
    if (!table) return std::unexpected(std::move(table.error()));
    if ((*table)->unknown)
      return SetAside(xid, **table, *std::exchange((*table)->unknown, std::nullopt));
    if (!(*table)->relation) return OtherTableEvent{xid, (*table)->is_unread};
    // What the trigger writes it deletes again.
    if ((*table)->is_truncation_log && message_.op() != decoderbufs::INSERT)
      return OtherTableEvent{xid};
    if (message_.op() != decoderbufs::INSERT) {
      if (auto keyed =
              relations_.FindKeyed({.name = (*table)->name, .xid = xid}, (*table)->relation))
        (*table)->relation = std::move(keyed);
    }
    auto change = DecodeRows(**table);
    if (!change && change.error().kind == ErrorKind::kMisfit && !(*table)->is_truncation_log) {
      if (auto anew = relations_.FindMadeAnew(
              {.name = (*table)->name, .xid = xid, .changed_by = (*table)->changed_by})) {
        (*table)->column_names.assign(anew->columns.size(), {});
        (*table)->relation = std::move(anew);
        change = DecodeRows(**table);
      }
    }
    if (!change) return SetAside(xid, **table, std::move(change.error()));
    (*table)->changed_by = xid;
    if ((*table)->is_truncation_log) return DecodeTruncation(xid, std::get<model::Insert>(*change));
    return ChangeEvent{xid, std::move(*change)};
  }

  // Where that is the policy; else the following ends.
  Result<Event> SetAside(Xid xid, SentTable& table, model::Error error) {
    error.message = fmt::format("decoderbufs: transaction {}, table {}: {}", xid.value,
                                message_.table(), error.message);
    auto event = Unreadable(relations_.policy(), xid, table.name, std::move(error));
    if (event) {
      table.relation = nullptr;
      table.is_unread = true;
    }
    return event;
  }

  // A row of the log of truncations stands for the TRUNCATE that a trigger saw.
  Result<Event> DecodeTruncation(Xid xid, const model::Insert& logged) {
    std::size_t column = 0;
    QualifiedName table;
    for (const model::Cell cell : logged.row) {
      const std::string& name = logged.relation->columns[column++].name;
      const auto* value = std::get_if<model::Value>(&cell);
      const auto* text = value ? std::get_if<model::Text>(value) : nullptr;
      if (!text) continue;
      if (name == model::kTruncationLogTableSchema) table.schema = text->text;
      if (name == model::kTruncationLogTable) table.name = text->text;
    }
    if (!table.schema.empty() && !table.name.empty()) {
      auto truncated = relations_.Find({table, xid});
      if (!truncated) {
        truncated.error().message = "decoderbufs: a truncation: " + truncated.error().message;
        return Unreadable(relations_.policy(), xid, table, std::move(truncated.error()));
      }
      if (*truncated) return TruncateEvent{xid, {std::move(*truncated)}};
      if (relations_.policy() == FollowPolicy::kSetAside) return OtherTableEvent{xid};
    }
    return Fail(ErrorKind::kMisfit,
                fmt::format("decoderbufs: transaction {}: {} names no table that is followed; "
                            "install the triggers again (lockstep doctor)",
                            xid.value, logged.relation->QualifiedName()));
  }

  Result<model::Change> DecodeRows(SentTable& table) {
    const model::RelationPtr& relation = table.relation;
    if (message_.op() == decoderbufs::DELETE) {
      auto old_row = DecodeTuple(table, *message_.mutable_old_tuple(), TupleKind::kOld);
      if (!old_row) return std::unexpected(std::move(old_row.error()));
      return model::Delete{relation, std::move(*old_row)};
    }
    if (message_.new_typeinfo_size() != message_.new_tuple_size()) {
      return Fail(ErrorKind::kMalformed,
                  fmt::format("{} columns with {} type descriptions", message_.new_tuple_size(),
                              message_.new_typeinfo_size()));
    }
    auto row = DecodeTuple(table, *message_.mutable_new_tuple(), TupleKind::kNew);
    if (!row) return std::unexpected(std::move(row.error()));
    if (message_.op() == decoderbufs::INSERT) {
      if (!row->IsComplete()) return Fail(ErrorKind::kMalformed, "an INSERT leaves a value out");
      return model::Insert{relation, std::move(*row)};
    }
    model::Update update{relation, std::nullopt, std::move(*row)};
    if (message_.old_tuple_size() > 0) {
      auto old_row = DecodeTuple(table, *message_.mutable_old_tuple(), TupleKind::kOld);
      if (!old_row) return std::unexpected(std::move(old_row.error()));
      update.old_row = std::move(*old_row);
    }
    return update;
  }

  // They come as null, whatever they would be computed to.
  static void RemoveVirtualColumns(const model::Relation& relation, Datums& datums) {
    if (relation.virtual_columns.empty()) return;
    const auto removed = std::ranges::remove_if(datums, [&](const DatumMessage& datum) {
      const auto name = ParseIdentifier(datum.column_name());
      return name && relation.IsVirtualColumn(*name);
    });
    datums.erase(removed.begin(), removed.end());
  }

  Result<Row> DecodeTuple(SentTable& table, Datums& datums, TupleKind kind) {
    const model::Relation& relation = *table.relation;
    RemoveVirtualColumns(relation, datums);
    const auto count = static_cast<std::size_t>(datums.size());
    // Of a table without columns a row says nothing, and is there all the same.
    const bool is_row = relation.columns.empty() &&
                        (kind == TupleKind::kNew || relation.identity == ReplicaIdentity::kFull);
    if (count == 0 && !is_row) {
      return Fail(ErrorKind::kUnsupported,
                  "the row is missing: the table has no replica identity; give it a primary key or "
                  "ALTER TABLE ... REPLICA IDENTITY FULL");
    }
    if (count != relation.columns.size()) {
      return Fail(ErrorKind::kMisfit,
                  fmt::format("{} columns sent, {} known; the table changed since the listener "
                              "attached, attach again",
                              count, relation.columns.size()));
    }
    builder_.Clear();
    for (std::size_t i = 0; i < count; ++i) {
      const DatumMessage& datum = datums[static_cast<int>(i)];
      if (auto ok = CheckName(table, i, datum.column_name()); !ok)
        return std::unexpected(std::move(ok.error()));
      if (auto ok = CheckColumnType(relation.columns[i], datum.column_type()); !ok)
        return std::unexpected(std::move(ok.error()));
      if (auto ok = AppendCell(relation, i, datum, kind); !ok)
        return std::unexpected(std::move(ok.error()));
    }
    return builder_.Build();
  }

  Result<void> AppendCell(const model::Relation& relation, std::size_t column,
                          const DatumMessage& datum, TupleKind kind) {
    const bool is_set = datum.datum_case() != DatumMessage::DATUM_NOT_SET;
    // Without a key it may have been FULL meanwhile.
    if (kind == TupleKind::kOld && relation.identity != ReplicaIdentity::kFull &&
        !relation.key.empty() && !relation.IsKeyColumn(static_cast<std::uint32_t>(column))) {
      builder_.Add(model::Cell(model::NotInIdentity{}));
    } else if (!is_set && kind == TupleKind::kOld && relation.columns[column].not_null) {
      // No null: the identity is another one than what is known.
      builder_.Add(model::Cell(model::NotInIdentity{}));
    } else if (!is_set) {
      builder_.Add(model::Value(model::Null{}));
    } else if (datum.datum_case() == DatumMessage::kDatumMissing) {
      builder_.Add(model::Cell(model::Unchanged{}));
    } else {
      return AppendDatum(relation.columns[column], datum, builder_);
    }
    return {};
  }

  // The column at `position` must be the one the relation has there.
  Result<void> CheckName(SentTable& table, std::size_t position, const std::string& sent) {
    std::string& known = table.column_names[position];
    if (sent == known && !known.empty()) return {};
    auto name = ParseIdentifier(sent);
    if (!name) return std::unexpected(std::move(name.error()));
    const std::string& expected = table.relation->columns[position].name;
    if (*name != expected) {
      return Fail(ErrorKind::kMisfit,
                  fmt::format("column {} is sent as {}, known as {}; the table changed since the "
                              "listener attached, attach again",
                              position + 1, sent, expected));
    }
    known = sent;
    return {};
  }

  Result<SentTable*> FindTable(const std::string& sent, Xid xid) {
    if (auto it = tables_.find(sent); it != tables_.end()) return &it->second;
    auto name = ParseQualifiedName(sent);
    if (!name) return Fail("decoderbufs", std::move(name.error()));
    auto relation = relations_.Find({*name, xid});
    if (!relation) {
      if (relations_.policy() == FollowPolicy::kStrict)
        return Fail("decoderbufs", std::move(relation.error()));
      SentTable unknown{std::move(*name), nullptr, false, {}, std::move(relation.error())};
      return &tables_.emplace(sent, std::move(unknown)).first->second;
    }
    const model::RelationPtr log = relations_.FindTruncationLog(*name);
    const bool is_log = log != nullptr;
    if (is_log) relation = log;
    const std::size_t columns = *relation ? (*relation)->columns.size() : 0;
    SentTable table{std::move(*name), std::move(*relation), is_log,
                    std::vector<std::string>(columns)};
    return &tables_.emplace(sent, std::move(table)).first->second;
  }

  RelationMap relations_;
  RowMessage message_;  // reused: its strings keep their capacity
  model::RowBuilder builder_;
  std::unordered_map<std::string, SentTable> tables_;
};

}  // namespace

std::unique_ptr<Decoder> MakeDecoderbufsDecoder(RelationMap relations) {
  return std::make_unique<DecoderbufsDecoder>(std::move(relations));
}

}  // namespace lockstep::replication
