// Why a table is not judged, as a code that programs can tell apart and people can count. The words
// beside it say more.
#ifndef LOCKSTEP_MODEL_EXCLUSION_H_
#define LOCKSTEP_MODEL_EXCLUSION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lockstep::model {

enum class ExclusionKind : std::uint8_t {
  kGone,              // it is there no longer
  kPartitioned,       // it stands for its partitions, or they for it
  kOwnLog,            // it is Lockstep's
  kUnlogged,          //
  kTemporary,         //
  kForeign,           //
  kMaterializedView,  //
  kNotReadable,       // the user has no right to it
  kRowSecurity,       // the user may not see all of its rows
  kReadFails,         // the server could not give its rows
  kForeignCode,       // reading it could run others' code
  kNotPublished,      // the publication leaves it out
  kPartlyPublished,   // or some of its rows, columns or changes
  kNoBinaryForm,      // the server cannot send a type of it
  kUnshownKey,        // the plugin does not show its keys as they are
  kUnshownChange,     // what happened to it is not in the stream
  kCannotBeFollowed,  // the plugin shows changes of it that cannot be read
  kNeedsResync,       // it was to be read anew, and was not yet
  kNotCompared,       // it was read, and not compared since
  kUndecided,         // what became of it could not be seen
};

struct Exclusion {
  ExclusionKind kind = ExclusionKind::kUndecided;
  std::string reason;  // in words
};

// "gone", "not_published": stays the same from version to version.
std::string_view CodeOf(ExclusionKind kind);
std::optional<ExclusionKind> FindExclusionKind(std::string_view code);
// What such tables are, behind their number: "gone", "not published".
std::string_view PhraseOf(ExclusionKind kind);

// Whether nothing is left unjudged for it: there is no table, or others stand for it.
constexpr bool LeavesNothingOut(ExclusionKind kind) {
  return kind == ExclusionKind::kGone || kind == ExclusionKind::kPartitioned ||
         kind == ExclusionKind::kOwnLog;
}

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_EXCLUSION_H_
