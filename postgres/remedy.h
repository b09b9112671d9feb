// What a user can do about an error of the server: the one place that knows.
#ifndef LOCKSTEP_POSTGRES_REMEDY_H_
#define LOCKSTEP_POSTGRES_REMEDY_H_

#include <string>

#include "model/error.h"

namespace lockstep::postgres {

// What the failed call was about; empty where it does not apply.
struct RemedyContext {
  std::string plugin = {};
  std::string slot = {};
  int server_version = 0;  // as server_version_num
};

// Of making a slot with a snapshot: too many subtransactions are open just now. The server has no
// SQLSTATE of its own for it, and does not translate it.
bool IsSnapshotTooLarge(const model::Error& error);

// Of a stream: the server's own plugin failed at a change, and will fail there again. A new slot
// lies behind it. Such are a type without binary output, an output function's error, a row that
// with its punctuation is more than 1 GB, a table that the plugin does not find.
bool IsOfTheChange(const model::Error& error);
// Of a stream: its slot or its publication is gone, or the WAL that the slot needs.
bool IsOfWhatIsGone(const model::Error& error);

// One sentence, or empty when nothing is known. Looks at SQLSTATE and message (in English: other
// lc_messages get the remedies that the SQLSTATE alone tells).
std::string RemedyFor(const model::Error& error, const RemedyContext& context);

// The error with its remedy behind the message. Where the user must change something its kind
// becomes kUsage; what may pass by itself (slot in use, lock timeout) keeps its kind and SQLSTATE.
model::Error WithRemedy(model::Error error, const RemedyContext& context);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_REMEDY_H_
