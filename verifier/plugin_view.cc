#include "verifier/plugin_view.h"

#include <utility>
#include <variant>

#include "model/relation.h"

namespace lockstep::verifier {

using model::Digest;
using model::Loss;
using model::LossSet;
using model::Row;
using model::StreamedChange;

LossSet PluginView::Relevant(LossSet losses) {
  LossSet relevant;
  for (Loss loss : {Loss::kMessage, Loss::kTimeZone, Loss::kTimestampEnd, Loss::kNonFinite,
                    Loss::kGeneratedColumn}) {
    if (losses.Has(loss)) relevant.Add(loss);
  }
  return relevant;
}

PluginView::PluginView(LossSet losses, const model::Database& expected)
    : projection_(losses), correction_(expected.table_count()) {
  for (std::uint32_t table = 0; table < expected.table_count(); ++table) {
    const model::Relation& relation = *expected.table(table).relation();
    may_lose_.push_back(projection_.MayLose(relation));
    if (!may_lose_.back()) continue;
    for (const auto& [key, row] : expected.table(table).rows()) Correct(relation, table, row, true);
  }
}

Digest PluginView::TermOf(const model::Database& expected, std::uint32_t table) const {
  model::TableDigest digest = expected.table(table).digest();
  digest.sum += correction_[table];
  return model::HashTable(expected.table(table).relation()->name, digest);
}

Digest PluginView::state(const model::Database& expected) const {
  Digest digest;
  for (std::uint32_t table = 0; table < expected.table_count(); ++table)
    digest += TermOf(expected, table);
  return digest;
}

ExpectedView PluginView::Apply(const model::Script& script, const model::Execution& execution,
                               const model::Database& expected) {
  for (const model::RowImage& image : execution.images) {
    if (!may_lose_[image.table]) continue;
    const model::Relation& relation = *expected.table(image.table).relation();
    if (image.before) Correct(relation, image.table, *image.before, false);
    if (image.after) Correct(relation, image.table, *image.after, true);
  }
  ExpectedView view{.state = state(expected), .changes = {}, .projected = {}, .watched = {}};
  changes_.Clear();
  for (const StreamedChange& change : execution.changes) {
    if (change.kind == StreamedChange::Kind::kMessage) {
      if (projection_.losses().Has(Loss::kMessage)) {
        ++view.projected[Loss::kMessage];
        continue;
      }
      const auto& message = std::get<model::EmitMessage>(script.operations[change.operation]);
      changes_.Message(message.prefix, message.content);
      continue;
    }
    const std::string& name = expected.table(change.table).relation()->name;
    const model::RowImage& image = execution.images[change.image];
    switch (change.kind) {
      case StreamedChange::Kind::kInsert:
        changes_.Insert(name, Shown(expected, change.table, *image.after, &view.projected));
        break;
      case StreamedChange::Kind::kUpdate:
        changes_.Update(name, change.moved ? &execution.images[change.image - 1].key : nullptr,
                        Shown(expected, change.table, *image.after, &view.projected));
        break;
      case StreamedChange::Kind::kDelete:
        changes_.Delete(name, image.key);
        break;
      case StreamedChange::Kind::kTruncate:
        changes_.Truncate(name);
        break;
      case StreamedChange::Kind::kMessage:
        break;
    }
  }
  view.changes = changes_.digest();
  for (std::uint32_t table : watched_) view.watched.push_back(TermOf(expected, table));
  return view;
}

const Row& PluginView::Shown(const model::Database& expected, std::uint32_t table, const Row& row,
                             model::LossCounts* counts) {
  if (!may_lose_[table]) return row;
  auto shown = projection_.Project(*expected.table(table).relation(), row, counts);
  if (!shown) return row;
  scratch_ = std::move(*shown);
  return scratch_;
}

void PluginView::Correct(const model::Relation& relation, std::uint32_t table, const Row& row,
                         bool is_there) {
  const auto shown = projection_.Project(relation, row);
  if (!shown) return;
  Digest difference = model::HashBytes(shown->bytes());
  difference -= model::HashBytes(row.bytes());
  if (is_there) {
    correction_[table] += difference;
  } else {
    correction_[table] -= difference;
  }
}

}  // namespace lockstep::verifier
