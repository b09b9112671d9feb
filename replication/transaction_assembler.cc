#include "replication/transaction_assembler.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/overloaded.h"

namespace lockstep::replication {
namespace {

using model::ErrorKind;
using model::Fail;

}  // namespace

model::Result<void> TransactionAssembler::CheckOpen(model::Xid xid, const char* what) const {
  if (!open_) {
    return Fail(ErrorKind::kMalformed,
                fmt::format("{} of transaction {} outside any", what, xid.value));
  }
  if (xid != transaction_.xid) {
    return Fail(ErrorKind::kMalformed, fmt::format("{} of transaction {} inside transaction {}",
                                                   what, xid.value, transaction_.xid.value));
  }
  return {};
}

model::Result<void> TransactionAssembler::AddChange(model::Change change) {
  if (is_too_large_) {
    PassOver(change);
    return {};
  }
  bytes_ += model::BytesOf(change);
  transaction_.changes.push_back(std::move(change));
  if (bytes_ <= max_transaction_bytes_) return {};
  if (policy_ == FollowPolicy::kStrict) {
    return Fail(ErrorKind::kUnsupported,
                fmt::format("transaction {} is larger than the {} MB that are held in memory; make "
                            "it in smaller parts",
                            transaction_.xid.value, max_transaction_bytes_ >> 20));
  }
  is_too_large_ = true;
  for (const model::Change& one : std::exchange(transaction_.changes, {})) PassOver(one);
  return {};
}

// Its table is not what it was, and what it is cannot be known from here.
void TransactionAssembler::PassOver(const model::Change& change) {
  ++transaction_.other_changes;
  ++transaction_.unread_changes;
  const model::RelationPtr& relation = model::RelationOf(change);
  if (!relation || relation == last_passed_over_) return;
  last_passed_over_ = relation;
  AddUnread({relation->schema, relation->name,
             fmt::format("was changed by transaction {}, which is larger than the {} MB that are "
                         "held in memory",
                         transaction_.xid.value, max_transaction_bytes_ >> 20),
             /*is_followable=*/true});
}

// Once: a table may be loaded with millions of rows.
void TransactionAssembler::AddUnread(model::UnreadTable table) {
  const bool is_known = std::ranges::any_of(transaction_.unread, [&](const auto& known) {
    return known.name == table.name && known.schema == table.schema;
  });
  if (!is_known) transaction_.unread.push_back(std::move(table));
}

model::Result<std::optional<model::Transaction>> TransactionAssembler::Add(Event event) {
  using Assembled = model::Result<std::optional<model::Transaction>>;
  return std::visit(model::Overloaded{
                        [&](BeginEvent& begin) -> Assembled {
                          if (open_) {
                            return Fail(ErrorKind::kMalformed,
                                        fmt::format("begin of transaction {} inside transaction {}",
                                                    begin.xid.value, transaction_.xid.value));
                          }
                          open_ = true;
                          transaction_ = {.xid = begin.xid};
                          bytes_ = 0;
                          is_too_large_ = false;
                          last_passed_over_.reset();
                          return std::nullopt;
                        },
                        [&](ChangeEvent& change) -> Assembled {
                          if (auto ok = CheckOpen(change.xid, "change"); !ok)
                            return std::unexpected(ok.error());
                          if (auto ok = AddChange(std::move(change.change)); !ok)
                            return std::unexpected(ok.error());
                          return std::nullopt;
                        },
                        [&](TruncateEvent& truncate) -> Assembled {
                          if (auto ok = CheckOpen(truncate.xid, "truncation"); !ok)
                            return std::unexpected(ok.error());
                          for (model::RelationPtr& relation : truncate.relations) {
                            auto ok = AddChange(model::Truncate{std::move(relation)});
                            if (!ok) return std::unexpected(ok.error());
                          }
                          for (model::UnreadTable& table : truncate.unread)
                            AddUnread(std::move(table));
                          return std::nullopt;
                        },
                        [&](UnreadEvent& unread) -> Assembled {
                          if (auto ok = CheckOpen(unread.xid, "change"); !ok)
                            return std::unexpected(ok.error());
                          AddUnread(std::move(unread.table));
                          ++transaction_.other_changes;
                          ++transaction_.unread_changes;
                          return std::nullopt;
                        },
                        [](NoEvent) -> Assembled { return std::nullopt; },
                        [&](OtherTableEvent& other) -> Assembled {
                          if (auto ok = CheckOpen(other.xid, "change"); !ok)
                            return std::unexpected(ok.error());
                          ++transaction_.other_changes;
                          if (other.is_unread) ++transaction_.unread_changes;
                          return std::nullopt;
                        },
                        [&](CommitEvent& commit) -> Assembled {
                          if (auto ok = CheckOpen(commit.xid, "commit"); !ok)
                            return std::unexpected(ok.error());
                          open_ = false;
                          transaction_.end_lsn = commit.end_lsn;
                          transaction_.commit_micros = commit.commit_micros;
                          return std::move(transaction_);
                        },
                    },
                    event);
}

}  // namespace lockstep::replication
