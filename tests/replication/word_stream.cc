#include "tests/replication/word_stream.h"

#include <charconv>

#include "model/change.h"
#include "model/error.h"
#include "model/ids.h"
#include "model/row.h"

namespace lockstep::replication {
namespace {

class WordDecoder final : public Decoder {
 public:
  model::Result<Event> Decode(const XLogData& frame) override {
    const std::string_view word = frame.payload;
    model::Xid xid;
    if (word.size() > 1) std::from_chars(word.data() + 1, word.data() + word.size(), xid.value);
    switch (word.empty() ? '!' : word[0]) {
      case 'B':
        return BeginEvent{xid};
      case '+':
        return ChangeEvent{xid, model::Insert{nullptr, model::Row()}};
      case 'C':
        return CommitEvent{xid, frame.start};
    }
    return model::Fail(model::ErrorKind::kUnsupported, "the decoder refuses");
  }
  model::Result<Event> DecodeNotice(std::string_view notice) override {
    return Decode({.start = {}, .end = {}, .payload = notice});
  }
};

void AppendU64(std::uint64_t value, std::string& out) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

}  // namespace

std::unique_ptr<Decoder> MakeWordDecoder() { return std::make_unique<WordDecoder>(); }

std::string XLogDataFrame(std::uint64_t lsn, std::string_view payload) {
  std::string frame = "w";
  AppendU64(lsn, frame);
  AppendU64(lsn, frame);
  AppendU64(0, frame);
  frame += payload;
  return frame;
}

std::string KeepaliveFrame(std::uint64_t lsn, bool reply_requested) {
  std::string frame = "k";
  AppendU64(lsn, frame);
  AppendU64(0, frame);
  frame.push_back(reply_requested ? 1 : 0);
  return frame;
}

}  // namespace lockstep::replication
