// A plugin's capture decoded once, and what a test asks of it.
#ifndef LOCKSTEP_TESTS_REPLICATION_DECODED_CAPTURE_H_
#define LOCKSTEP_TESTS_REPLICATION_DECODED_CAPTURE_H_

#include <cstddef>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/change.h"
#include "model/error.h"
#include "model/row.h"
#include "replication/decoder.h"
#include "replication/frames.h"

namespace lockstep::replication {

// A part of a test's fixture. What became of each message is filed under a key that the test makes.
class DecodedCapture {
 public:
  using KeyOf = std::function<std::string(const XLogData&, const model::Result<Event>&)>;

 protected:
  DecodedCapture(std::string_view plugin, Decoder& decoder, const KeyOf& key_of);
  DecodedCapture(const DecodedCapture&) = delete;
  DecodedCapture& operator=(const DecodedCapture&) = delete;

  // The nth message under a key, from 0.
  const model::Result<Event>& Decoded(const std::string& key, std::size_t n) const;
  // The nth, which must be a change of this kind.
  template <typename Kind>
  Kind Nth(const std::string& key, std::size_t n) const {
    const model::Result<Event>& event = Decoded(key, n);
    if (!event) throw std::runtime_error(event.error().message);
    return std::get<Kind>(std::get<ChangeEvent>(*event).change);
  }
  model::Row Inserted(const std::string& key, std::size_t n) const;
  // Of messages `first` to `first + count`, which must be inserts.
  std::vector<model::Row> InsertedRows(const std::string& key, std::size_t count,
                                       std::size_t first = 0) const;
  // The nth's error; another one when it was not refused.
  model::Error Refused(const std::string& key, std::size_t n) const;

  std::map<std::string, std::vector<model::Result<Event>>> events_;
  std::map<std::string, std::vector<XLogData>> frames_;  // views into messages_

 private:
  std::vector<std::string> messages_;
};

}  // namespace lockstep::replication

#endif  // LOCKSTEP_TESTS_REPLICATION_DECODED_CAPTURE_H_
