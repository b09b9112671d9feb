// What a publication is, so that one that somebody altered in the middle of a run is told from one
// that was left alone: also where it is, in the end, as it was.
#ifndef LOCKSTEP_VERIFIER_PUBLICATION_STATE_H_
#define LOCKSTEP_VERIFIER_PUBLICATION_STATE_H_

#include <string>

#include "model/error.h"

namespace lockstep::verifier {

// Of the publication's rows in the catalog: any ALTER PUBLICATION makes it another text. "gone" of
// one that is not there.
model::Result<std::string> ReadPublicationState(const std::string& conninfo,
                                                const std::string& publication);

}  // namespace lockstep::verifier

#endif  // LOCKSTEP_VERIFIER_PUBLICATION_STATE_H_
