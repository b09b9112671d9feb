#include "tests/replication/decoded_capture.h"

#include <utility>

#include "tests/replication/captured_stream.h"

namespace lockstep::replication {

using model::Error;
using model::ErrorKind;
using model::Result;
using model::Row;

DecodedCapture::DecodedCapture(std::string_view plugin, Decoder& decoder, const KeyOf& key_of)
    : messages_(CapturedMessages(plugin)) {
  for (const std::string& bytes : messages_) {
    auto frame = ParseFrame(bytes);
    if (!frame) throw std::runtime_error(frame.error().message);
    const auto* data = std::get_if<XLogData>(&*frame);
    if (!data) continue;
    Result<Event> event = decoder.Decode(*data);
    const std::string key = key_of(*data, event);
    events_[key].push_back(std::move(event));
    frames_[key].push_back(*data);
  }
}

const Result<Event>& DecodedCapture::Decoded(const std::string& key, std::size_t n) const {
  return events_.at(key).at(n);
}

Row DecodedCapture::Inserted(const std::string& key, std::size_t n) const {
  return Nth<model::Insert>(key, n).row;
}

std::vector<Row> DecodedCapture::InsertedRows(const std::string& key, std::size_t count,
                                              std::size_t first) const {
  std::vector<Row> rows;
  for (std::size_t n = first; n < first + count; ++n) rows.push_back(Inserted(key, n));
  return rows;
}

Error DecodedCapture::Refused(const std::string& key, std::size_t n) const {
  const Result<Event>& event = Decoded(key, n);
  return event ? Error{ErrorKind::kUsage, "was not refused"} : event.error();
}

}  // namespace lockstep::replication
