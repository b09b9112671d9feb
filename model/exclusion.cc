#include "model/exclusion.h"

namespace lockstep::model {
namespace {

struct Entry {
  ExclusionKind kind;
  std::string_view code;
  std::string_view phrase;
};

constexpr Entry kEntries[] = {
    {ExclusionKind::kGone, "gone", "gone"},
    {ExclusionKind::kPartitioned, "partitioned", "stand for their partitions"},
    {ExclusionKind::kOwnLog, "own_log", "of Lockstep's own"},
    {ExclusionKind::kUnlogged, "unlogged", "unlogged"},
    {ExclusionKind::kTemporary, "temporary", "temporary"},
    {ExclusionKind::kForeign, "foreign", "foreign"},
    {ExclusionKind::kMaterializedView, "materialized_view", "materialized views"},
    {ExclusionKind::kNotReadable, "not_readable", "not readable by the user"},
    {ExclusionKind::kRowSecurity, "row_security", "under row security"},
    {ExclusionKind::kReadFails, "read_fails", "with rows that cannot be read"},
    {ExclusionKind::kForeignCode, "foreign_code",
     "that could only be read by running others' code"},
    {ExclusionKind::kNotPublished, "not_published", "not published"},
    {ExclusionKind::kPartlyPublished, "partly_published", "published in part"},
    {ExclusionKind::kNoBinaryForm, "no_binary_form", "with a type that has no binary form"},
    {ExclusionKind::kUnshownKey, "unshown_key", "with keys that the plugin cannot show"},
    {ExclusionKind::kUnshownChange, "unshown_change", "with changes that the plugin does not show"},
    {ExclusionKind::kCannotBeFollowed, "cannot_be_followed", "that could not be followed"},
    {ExclusionKind::kNeedsResync, "needs_resync", "not read anew"},
    {ExclusionKind::kNotCompared, "not_compared", "not compared since they were read"},
    {ExclusionKind::kUndecided, "undecided", "undecided"},
};

const Entry& EntryOf(ExclusionKind kind) {
  for (const Entry& entry : kEntries) {
    if (entry.kind == kind) return entry;
  }
  __builtin_unreachable();
}

}  // namespace

std::string_view CodeOf(ExclusionKind kind) { return EntryOf(kind).code; }

std::string_view PhraseOf(ExclusionKind kind) { return EntryOf(kind).phrase; }

std::optional<ExclusionKind> FindExclusionKind(std::string_view code) {
  for (const Entry& entry : kEntries) {
    if (entry.code == code) return entry.kind;
  }
  return std::nullopt;
}

}  // namespace lockstep::model
