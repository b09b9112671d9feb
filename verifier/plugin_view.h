// The expected state and changes as listeners on one kind of plugin must have them: projected
// through what the plugin cannot show.
//
// Holds one digest beside the expected state, corrected for the rows that hold a value the plugin
// loses; other rows cost nothing.
#ifndef LOCKSTEP_VERIFIER_PLUGIN_VIEW_H_
#define LOCKSTEP_VERIFIER_PLUGIN_VIEW_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "model/change_digest.h"
#include "model/database.h"
#include "model/digest.h"
#include "model/execute.h"
#include "model/operation.h"
#include "model/output_plugin.h"
#include "model/projection.h"
#include "model/row.h"

namespace lockstep::verifier {

// What a listener must say of one commit.
struct ExpectedView {
  model::Digest state;          // of its replica after it
  model::Digest changes;        // of the commit's ordered changes
  model::LossCounts projected;  // cells in the commit's rows that are not shown as they are
  // What each watched table (PluginView::Watch) adds to `state`.
  std::vector<model::Digest> watched;
};

class PluginView {
 public:
  // The losses that matter to a state or a change; plugins that differ in others share a view.
  static model::LossSet Relevant(model::LossSet losses);

  // `expected` as it is now.
  PluginView(model::LossSet losses, const model::Database& expected);

  // From now on each ExpectedView has what these tables add to the state, in this order.
  void Watch(std::vector<std::uint32_t> tables) { watched_ = std::move(tables); }

  const model::Projection& projection() const { return projection_; }
  model::Digest state(const model::Database& expected) const;
  // After `execution` of `script` has changed `expected`.
  ExpectedView Apply(const model::Script& script, const model::Execution& execution,
                     const model::Database& expected);

 private:
  // What the table adds to a database's digest.
  model::Digest TermOf(const model::Database& expected, std::uint32_t table) const;
  // The row as it is shown: `row` itself or `scratch_`.
  const model::Row& Shown(const model::Database& expected, std::uint32_t table,
                          const model::Row& row, model::LossCounts* counts);
  void Correct(const model::Relation& relation, std::uint32_t table, const model::Row& row,
               bool is_there);

  model::Projection projection_;
  std::vector<bool> may_lose_;             // by table
  std::vector<model::Digest> correction_;  // by table: to the sum of its rows' hashes
  std::vector<std::uint32_t> watched_;
  model::ChangeDigest changes_;
  model::Row scratch_;
};

}  // namespace lockstep::verifier

#endif  // LOCKSTEP_VERIFIER_PLUGIN_VIEW_H_
