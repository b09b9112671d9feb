#include "listener/verifier_sink.h"

#include <algorithm>
#include <set>
#include <utility>
#include <variant>

#include "wire/codec.h"

namespace lockstep::listener {

model::Result<void> VerifierSink::Deliver(const model::Transaction& transaction,
                                          model::Digest digest, replication::Applied applied) {
  history_.Append(transaction.end_lsn, std::move(applied.images));
  const auto changes =
      static_cast<std::uint32_t>(transaction.changes.size() + transaction.other_changes);
  // A message is of no table: alone it does not make a commit one of the run.
  const auto run_changes = static_cast<std::uint32_t>(
      std::ranges::count_if(transaction.changes, [](const model::Change& change) {
        return !std::holds_alternative<model::LogicalMessage>(change);
      }));
  return client_.Send(wire::Encode(wire::Commit{
      .xid = transaction.xid,
      .end_lsn = transaction.end_lsn,
      .digest = digest,
      .changes_digest = applied.changes,
      .changes = changes,
      .run_changes = run_changes,
  }));
}

void VerifierSink::OnAccepted(const wire::Accepted& accepted) {
  accepted_ = std::max(accepted_, accepted.lsn);
  history_.Forget(accepted_);
}

wire::RowsReply VerifierSink::Answer(const wire::RowsRequest& request,
                                     const replication::Replica& replica) const {
  const model::Database& database = replica.database();
  std::set<std::pair<std::uint32_t, model::Row>> addresses;
  for (const wire::RowAddress& row : request.rows) {
    if (auto table = database.FindTable(row.table)) addresses.emplace(*table, row.key);
  }
  if (const auto* images = history_.ImagesAt(request.end_lsn)) {
    for (const model::RowImage& image : *images) addresses.emplace(image.table, image.key);
  }
  wire::RowsReply reply{.end_lsn = request.end_lsn};
  for (const auto& [table, key] : addresses) {
    reply.rows.push_back({{database.table(table).relation()->name, key},
                          history_.RowAfter(request.end_lsn, database, table, key)});
  }
  return reply;
}

model::Result<void> VerifierSink::ReportMisfit(const model::Transaction& transaction,
                                               const replication::Misfit& misfit) {
  return client_.Send(wire::Encode(wire::Misfit{transaction.xid, transaction.end_lsn, misfit.table,
                                                misfit.message, misfit.key}));
}

model::Result<void> VerifierSink::ReportPosition(wire::Position position) {
  if (position == reported_) return {};
  reported_ = position;
  return client_.Send(wire::Encode(position));
}

}  // namespace lockstep::listener
