#include "replication/pgoutput_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "model/binary_form.h"
#include "model/byte_cursor.h"
#include "model/text_form.h"
#include "replication/follow_policy.h"
#include "replication/pgoutput_relation.h"

namespace lockstep::replication {
namespace {

using model::ByteCursor;
using model::ErrorKind;
using model::Fail;
using model::Lsn;
using model::Oid;
using model::Result;
using model::Row;

Lsn ReadLsn(ByteCursor& in, const char* field) { return Lsn{in.Integer<std::uint64_t>(field)}; }
Oid ReadOid(ByteCursor& in, const char* field) { return Oid{in.Integer<std::uint32_t>(field)}; }

class PgoutputDecoder final : public Decoder {
 public:
  explicit PgoutputDecoder(RelationMap relations) : relations_(std::move(relations)) {}

  Result<Event> Decode(const XLogData& frame) override {
    ByteCursor in(frame.payload);
    const auto letter = static_cast<char>(in.Integer<std::uint8_t>("message"));
    switch (letter) {
      case 'B':
        return Named("Begin", DecodeBegin(in));
      case 'C':
        return Named("Commit", DecodeCommit(in, frame));
      case 'O':
        return Named("Origin", DecodeOrigin(in));
      case 'R':
        return Named("Relation", DecodeRelation(in));
      case 'Y':
        return Named("Type", DecodeType(in));
      case 'I':
        return Named("Insert", DecodeChange(in, &PgoutputDecoder::DecodeInsert));
      case 'U':
        return Named("Update", DecodeChange(in, &PgoutputDecoder::DecodeUpdate));
      case 'D':
        return Named("Delete", DecodeChange(in, &PgoutputDecoder::DecodeDelete));
      case 'T':
        return Named("Truncate", DecodeTruncate(in));
      case 'M':
        return Named("Message", DecodeMessage(in));
      default:
        break;
    }
    if (!in.ok()) return Fail(ErrorKind::kMalformed, "pgoutput: the message is empty");
    return Fail(ErrorKind::kMalformed, fmt::format("pgoutput: a message of kind {} at byte 0 is "
                                                   "not of protocol version 1",
                                                   static_cast<int>(letter)));
  }

 private:
  struct OpenTransaction {
    model::Xid xid;
    Lsn final_lsn;
  };

  Result<Event> Named(const char* message, Result<Event> event) const {
    if (event) return event;
    const std::string transaction =
        open_ ? fmt::format("transaction {}, ", open_->xid.value) : std::string();
    return Fail(fmt::format("pgoutput: {}{}", transaction, message), std::move(event.error()));
  }

  // What is said inside a transaction only.
  Result<void> CheckOpen() const {
    if (open_) return {};
    return Fail(ErrorKind::kMalformed, "outside any transaction");
  }

  // ---- transactions ----

  Result<Event> DecodeBegin(ByteCursor& in) {
    const Lsn final_lsn = ReadLsn(in, "final LSN");
    in.Integer<std::int64_t>("commit time");
    const model::Xid xid{in.Integer<std::uint32_t>("xid")};
    if (auto ok = in.Finish(); !ok) return std::unexpected(std::move(ok.error()));
    if (open_)
      return Fail(ErrorKind::kMalformed, fmt::format("of transaction {} inside it", xid.value));
    open_ = {xid, final_lsn};
    return BeginEvent{xid};
  }

  Result<Event> DecodeCommit(ByteCursor& in, const XLogData& frame) {
    const std::size_t flags_at = in.offset();
    if (in.Integer<std::uint8_t>("flags") != 0) in.Refuse("flags", flags_at, "are not 0");
    const std::size_t commit_at = in.offset();
    const Lsn commit_lsn = ReadLsn(in, "commit LSN");
    const std::size_t end_at = in.offset();
    const Lsn end_lsn = ReadLsn(in, "end LSN");
    const auto time = in.Integer<std::int64_t>("commit time");
    if (auto ok = in.Finish(); !ok) return std::unexpected(std::move(ok.error()));
    if (auto ok = CheckOpen(); !ok) return std::unexpected(std::move(ok.error()));
    if (commit_lsn != open_->final_lsn) {
      return Fail(ErrorKind::kMalformed,
                  fmt::format("commit LSN at byte {}: {}, but Begin said {}", commit_at,
                              ToString(commit_lsn), ToString(open_->final_lsn)));
    }
    if (end_lsn != frame.start) {
      return Fail(ErrorKind::kMalformed,
                  fmt::format("end LSN at byte {}: {}, but the frame's is {}", end_at,
                              ToString(end_lsn), ToString(frame.start)));
    }
    const CommitEvent commit{open_->xid, end_lsn, time};
    open_.reset();
    return commit;
  }

  // ---- what belongs to no transaction ----

  Result<Event> DecodeOrigin(ByteCursor& in) {
    ReadLsn(in, "commit LSN at the origin");
    in.CString("origin name");
    return Nothing(in);
  }

  Result<Event> DecodeType(ByteCursor& in) {
    ReadOid(in, "type OID");
    in.CString("schema");
    in.CString("type name");
    return Nothing(in);
  }

  static Result<Event> Nothing(ByteCursor& in) {
    if (auto ok = in.Finish(); !ok) return std::unexpected(std::move(ok.error()));
    return NoEvent{};
  }

  // Of tables_: those that had the name before, as far as this connection has seen.
  static auto HadItsName(Oid oid, const SentRelation& sent) {
    return [oid, &sent](const auto& known) {
      const model::RelationPtr& relation = known.second.relation;
      return known.first != oid.value && relation && relation->schema == sent.schema &&
             relation->name == sent.name;
    };
  }

  Result<Event> DecodeRelation(ByteCursor& in) {
    const Oid oid = ReadOid(in, "relation OID");
    SentRelation sent;
    sent.schema = in.CString("schema");
    if (sent.schema.empty()) sent.schema = "pg_catalog";  // sent as nothing
    sent.name = in.CString("table name");
    const std::size_t identity_at = in.offset();
    const auto identity = static_cast<char>(in.Integer<std::uint8_t>("replica identity"));
    if (std::string_view("dnfi").find(identity) == std::string_view::npos)
      in.Refuse("replica identity", identity_at, "is none of d, n, f, i");
    sent.identity = static_cast<model::ReplicaIdentity>(identity);
    const auto count = in.Integer<std::uint16_t>("column count");
    for (std::size_t i = 0; i < count && in.ok(); ++i) {
      const bool in_identity = (in.Integer<std::uint8_t>("column flags") & 1) != 0;
      std::string name(in.CString("column name"));
      const Oid type = ReadOid(in, "column type");
      const auto modifier = in.Integer<std::int32_t>("type modifier");
      sent.columns.push_back({std::move(name), type, modifier, in_identity});
    }
    if (auto ok = in.Finish(); !ok) return std::unexpected(std::move(ok.error()));

    const Encounter met{{sent.schema, sent.name}, open_ ? open_->xid : model::Xid(), oid};
    auto table = MatchTable(sent, met);
    if (relations_.policy() == FollowPolicy::kSetAside &&
        std::ranges::any_of(tables_, HadItsName(oid, sent)))
      table = MatchMadeAnew(sent, met);
    if (!table) {
      if (relations_.policy() == FollowPolicy::kStrict)
        return std::unexpected(std::move(table.error()));
      table = SentTable{.unread = model::UnreadTable{std::move(sent.schema), std::move(sent.name),
                                                     std::move(table.error().message)},
                        .is_unread = true};
    }
    tables_[oid.value] = std::move(*table);
    return NoEvent{};
  }

  Result<SentTable> MatchTable(const SentRelation& sent, const Encounter& met) {
    auto known = relations_.Find(met);
    if (!known) return std::unexpected(std::move(known.error()));
    if (!*known) return SentTable();
    return Match(sent, *known);
  }

  Result<SentTable> MatchMadeAnew(const SentRelation& sent, const Encounter& met) {
    auto anew = relations_.FindMadeAnew(met);
    if (anew) {
      // The description may be sent again, and the name is this table's from here on.
      std::erase_if(tables_, HadItsName(met.oid, sent));
      return Match(sent, anew);
    }
    return Fail(ErrorKind::kMisfit,
                "another table has the name now: dropped and created again, or renamed");
  }

  Result<SentTable> Match(const SentRelation& sent, const model::RelationPtr& known) const {
    auto matched = MatchRelation(sent, known, relations_.types());
    if (!matched) return Fail("table " + known->QualifiedName(), std::move(matched.error()));
    return matched;
  }

  Result<Event> DecodeMessage(ByteCursor& in) {
    constexpr std::uint8_t kTransactional = 1;
    const std::size_t flags_at = in.offset();
    const auto flags = in.Integer<std::uint8_t>("flags");
    if (flags > kTransactional) in.Refuse("flags", flags_at, "are neither 0 nor 1");
    ReadLsn(in, "LSN");
    const std::string_view prefix = in.CString("prefix");
    const std::size_t size = in.Integer<std::uint32_t>("content size");
    const std::string_view content = in.Bytes(size, "content");
    if (auto ok = in.Finish(); !ok) return std::unexpected(std::move(ok.error()));
    if (flags != kTransactional) return NoEvent{};
    if (auto ok = CheckOpen(); !ok) return std::unexpected(std::move(ok.error()));
    return ChangeEvent{open_->xid,
                       model::LogicalMessage{std::string(prefix), std::string(content)}};
  }

  // ---- changes ----

  Result<Event> DecodeTruncate(ByteCursor& in) {
    const std::size_t at = in.offset();
    const auto count = in.Integer<std::uint32_t>("relation count");
    in.Integer<std::uint8_t>("options");
    if (count != in.left() / sizeof(std::uint32_t))
      in.Refuse("relation count", at, "is not that of the OIDs that follow");
    TruncateEvent truncate;
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
      auto table = FindTable(in);
      if (!table) return std::unexpected(std::move(table.error()));
      if ((*table)->relation) truncate.relations.push_back((*table)->relation);
      if (auto unread = std::exchange((*table)->unread, std::nullopt))
        truncate.unread.push_back(std::move(*unread));
    }
    if (auto ok = in.Finish(); !ok) return std::unexpected(std::move(ok.error()));
    if (auto ok = CheckOpen(); !ok) return std::unexpected(std::move(ok.error()));
    truncate.xid = open_->xid;
    if (truncate.relations.empty() && truncate.unread.empty()) return OtherTableEvent{open_->xid};
    return truncate;
  }

  using RowDecoder = Result<model::Change> (PgoutputDecoder::*)(const SentTable&, ByteCursor&);

  Result<Event> DecodeChange(ByteCursor& in, RowDecoder decode) {
    if (auto ok = CheckOpen(); !ok) return std::unexpected(std::move(ok.error()));
    auto table = FindTable(in);
    if (!table) return std::unexpected(std::move(table.error()));
    if (!(*table)->relation) {
      auto unread = std::exchange((*table)->unread, std::nullopt);
      if (unread) return UnreadEvent{open_->xid, std::move(*unread)};
      return OtherTableEvent{open_->xid, (*table)->is_unread};
    }
    auto change = (this->*decode)(**table, in);
    if (change) {
      if (auto ok = in.Finish(); !ok) change = std::unexpected(std::move(ok.error()));
    }
    if (!change) {
      const model::RelationPtr relation = (*table)->relation;
      const bool is_newer = change.error().kind == ErrorKind::kMisfit;
      change.error().message =
          fmt::format("table {}: {}", relation->QualifiedName(), change.error().message);
      auto event = Unreadable(relations_.policy(), open_->xid, {relation->schema, relation->name},
                              std::move(change.error()));
      if (event) {
        (*table)->relation = nullptr;
        (*table)->is_unread = true;
      }
      // A part of a value is of a type that is newer than what is known: the table is as it was.
      if (event && is_newer) {
        model::UnreadTable& unread = std::get<UnreadEvent>(*event).table;
        unread.is_followable = true;
        unread.reason = "got a value of a type that is newer: " + unread.reason;
      }
      return event;
    }
    return ChangeEvent{open_->xid, std::move(*change)};
  }

  Result<model::Change> DecodeInsert(const SentTable& table, ByteCursor& in) {
    const std::size_t at = in.offset();
    if (in.Integer<std::uint8_t>("tuple kind") != 'N') in.Refuse("tuple kind", at, "is not N");
    auto row = DecodeNewTuple(table, in, /*may_be_unchanged=*/false);
    if (!row) return std::unexpected(std::move(row.error()));
    return model::Insert{table.relation, std::move(*row)};
  }

  Result<model::Change> DecodeUpdate(const SentTable& table, ByteCursor& in) {
    model::Update update{table.relation, std::nullopt, Row()};
    std::size_t at = in.offset();
    auto kind = in.Integer<std::uint8_t>("tuple kind");
    if (kind != 'N') {
      auto old_row = DecodeOldTuple(table, kind, at, in);
      if (!old_row) return std::unexpected(std::move(old_row.error()));
      update.old_row = std::move(*old_row);
      at = in.offset();
      kind = in.Integer<std::uint8_t>("tuple kind");
    }
    if (kind != 'N') in.Refuse("tuple kind", at, "is not N");
    auto row = DecodeNewTuple(table, in, /*may_be_unchanged=*/true);
    if (!row) return std::unexpected(std::move(row.error()));
    update.row = std::move(*row);
    return update;
  }

  Result<model::Change> DecodeDelete(const SentTable& table, ByteCursor& in) {
    const std::size_t at = in.offset();
    const auto kind = in.Integer<std::uint8_t>("tuple kind");
    auto old_row = DecodeOldTuple(table, kind, at, in);
    if (!old_row) return std::unexpected(std::move(old_row.error()));
    return model::Delete{table.relation, std::move(*old_row)};
  }

  // One column of a tuple as it is sent; the bytes are views into the message.
  struct SentCell {
    char kind = 'n';
    std::size_t at = 0;
    std::string_view bytes = {};
  };

  // Fills cells_: as many as the table has columns that are sent.
  void ReadTuple(const SentTable& table, ByteCursor& in) {
    const std::size_t count_at = in.offset();
    const auto count = in.Integer<std::uint16_t>("column count");
    if (in.ok() && count != table.sent_columns) {
      in.Refuse("column count", count_at,
                fmt::format("{}, the table was described with {}", count, table.sent_columns));
    }
    cells_.clear();
    for (std::size_t i = 0; i < count && in.ok(); ++i) {
      const std::size_t at = in.offset();
      SentCell cell{static_cast<char>(in.Integer<std::uint8_t>("column kind")), at};
      if (cell.kind == 't' || cell.kind == 'b') {
        const std::size_t size = in.Integer<std::uint32_t>("value size");
        cell.at = in.offset();
        cell.bytes = in.Bytes(size, "value");
      } else if (cell.kind != 'n' && cell.kind != 'u') {
        in.Refuse("column kind", at, "is none of n, u, t, b");
      }
      cells_.push_back(cell);
    }
  }

  // The row of cells_, of which those that `is_told` is not true of are NotInIdentity.
  template <typename IsTold>
  Result<Row> BuildRow(const SentTable& table, ByteCursor& in, bool may_be_unchanged,
                       IsTold is_told) {
    if (!in.ok()) return std::unexpected(std::move(in.Finish().error()));
    builder_.Clear();
    for (std::size_t i = 0; i < table.positions.size(); ++i) {
      if (!is_told(i)) {
        builder_.Add(model::Cell(model::NotInIdentity{}));
        continue;
      }
      if (!table.positions[i]) {
        builder_.Add(model::Cell(model::NotSent{}));
        continue;
      }
      const SentCell& cell = cells_[*table.positions[i]];
      const model::Column& column = table.relation->columns[i];
      Result<void> ok;
      if (cell.kind == 'n') {
        builder_.Add(model::Value(model::Null{}));
      } else if (cell.kind == 't') {
        ok = model::AppendFromText(column, cell.bytes, builder_);
      } else if (cell.kind == 'b') {
        ok = model::AppendFromBinary(column, relations_.types(), cell.bytes, builder_);
      } else if (may_be_unchanged) {
        builder_.Add(model::Cell(model::Unchanged{}));
      } else {
        ok = Fail(ErrorKind::kMalformed,
                  fmt::format("column {}: its value is left out", column.name));
      }
      if (!ok) return Fail(fmt::format("value at byte {}", cell.at), std::move(ok.error()));
    }
    return builder_.Build();
  }

  Result<Row> DecodeNewTuple(const SentTable& table, ByteCursor& in, bool may_be_unchanged) {
    ReadTuple(table, in);
    return BuildRow(table, in, may_be_unchanged, [](std::size_t) { return true; });
  }

  // 'O', all of the old row, under identity FULL; 'K', its key, under the others.
  Result<Row> DecodeOldTuple(const SentTable& table, std::uint8_t kind, std::size_t at,
                             ByteCursor& in) {
    const bool full = table.relation->identity == model::ReplicaIdentity::kFull;
    if (in.ok() && kind != (full ? 'O' : 'K')) {
      in.Refuse("tuple kind", at,
                full ? "is not O, with identity FULL" : "is not K, without identity FULL");
    }
    ReadTuple(table, in);
    return BuildRow(table, in, /*may_be_unchanged=*/false,
                    [&](std::size_t column) { return full || table.in_identity[column]; });
  }

  Result<SentTable*> FindTable(ByteCursor& in) {
    const std::size_t at = in.offset();
    const Oid oid = ReadOid(in, "relation OID");
    if (!in.ok()) return std::unexpected(std::move(in.Finish().error()));
    const auto it = tables_.find(oid.value);
    if (it == tables_.end()) {
      return Fail(ErrorKind::kMalformed,
                  fmt::format("relation OID at byte {}: {} was not described", at, oid.value));
    }
    return &it->second;
  }

  RelationMap relations_;
  std::unordered_map<std::uint32_t, SentTable> tables_;  // by OID
  std::optional<OpenTransaction> open_;
  model::RowBuilder builder_;
  std::vector<SentCell> cells_;  // of the tuple that is being read
};

}  // namespace

std::unique_ptr<Decoder> MakePgoutputDecoder(RelationMap relations) {
  return std::make_unique<PgoutputDecoder>(std::move(relations));
}

}  // namespace lockstep::replication
