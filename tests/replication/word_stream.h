// A stream of words for tests of what stands above the decoder: CopyData frames as a server builds
// them around messages of a plugin that says "B7" (begin of transaction 7), "+7" (a change), "C7"
// (commit) and "!" (something its decoder refuses). A notice is such a word, too.
#ifndef LOCKSTEP_TESTS_REPLICATION_WORD_STREAM_H_
#define LOCKSTEP_TESTS_REPLICATION_WORD_STREAM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "replication/decoder.h"

namespace lockstep::replication {

std::unique_ptr<Decoder> MakeWordDecoder();

std::string XLogDataFrame(std::uint64_t lsn, std::string_view payload);
std::string KeepaliveFrame(std::uint64_t lsn, bool reply_requested = false);

}  // namespace lockstep::replication

#endif  // LOCKSTEP_TESTS_REPLICATION_WORD_STREAM_H_
