// A recorded replication stream: every CopyData message a listener received, byte for byte and in
// order. Fed to a Follower again it gives the same transactions.
//
//   trace  = record*                          one MessagePack object after the other, no header
//   record = [ micros, frame ]                micros: unsigned, since the recording began; frame:
//   bin, one CopyData message
#ifndef LOCKSTEP_WIRE_TRACE_FILE_H_
#define LOCKSTEP_WIRE_TRACE_FILE_H_

#include <chrono>
#include <cstdint>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>

#include "model/error.h"

namespace lockstep::wire {

class TraceWriter {
 public:
  // Makes the file, or empties the one that is there. kEnvironment, with the path, when it cannot.
  static model::Result<TraceWriter> Open(const std::string& path);

  // Buffered; a full disk is kEnvironment.
  model::Result<void> Write(std::string_view frame);

 private:
  TraceWriter(std::string path, std::ofstream file)
      : path_(std::move(path)), file_(std::move(file)), begin_(std::chrono::steady_clock::now()) {}

  std::string path_;
  std::ofstream file_;
  std::chrono::steady_clock::time_point begin_;
  std::string record_;  // reused
};

// Gives each frame of the bytes of a trace to `consume`, whose error ends the reading. kMalformed,
// with the byte, for what is no record; the records before it have been given.
model::Result<void> ReadTrace(
    std::string_view trace,
    const std::function<model::Result<void>(std::uint64_t micros, std::string_view frame)>&
        consume);

}  // namespace lockstep::wire

#endif  // LOCKSTEP_WIRE_TRACE_FILE_H_
