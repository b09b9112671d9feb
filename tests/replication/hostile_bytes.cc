#include "tests/replication/hostile_bytes.h"

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <variant>

#include "model/text_form.h"
#include "replication/frames.h"
#include "replication/make_decoder.h"
#include "replication/relation_map.h"
#include "tests/replication/captured_stream.h"

namespace lockstep::replication {

using model::Change;
using model::Lsn;
using model::Row;

namespace {

constexpr int kCorruptionsOfAMessage = 3000;

}  // namespace

HostileBytes::HostileBytes(std::string plugin)
    : plugin_(std::move(plugin)),
      messages_(CapturedMessages(plugin_)),
      relations_(CapturedRelations()),
      replica_(relations_, Lsn{0}) {
  const char* seed = std::getenv("LOCKSTEP_TEST_SEED");
  seed_ = seed ? std::strtoull(seed, nullptr, 10) : 42;
  random_.seed(seed_);
  std::printf("seed %ju; repeat another with --test_env=LOCKSTEP_TEST_SEED=n\n",
              static_cast<std::uintmax_t>(seed_));
  const auto decoder = NewDecoder();
  for (std::size_t i = 0; i < messages_.size(); ++i) {
    auto frame = ParseFrame(messages_[i]);
    const auto* data = frame ? std::get_if<XLogData>(&*frame) : nullptr;
    if (!data) continue;
    const auto event = decoder->Decode(*data);
    if (event && std::holds_alternative<BeginEvent>(*event)) begins_.push_back(i);
    if (event && std::holds_alternative<NoEvent>(*event)) descriptions_.push_back(i);
  }
}

std::unique_ptr<Decoder> HostileBytes::NewDecoder(FollowPolicy policy) const {
  auto decoder = MakeDecoder({.name = plugin_, .publications = {"all"}},
                             RelationMap(relations_, CapturedTypes(), nullptr, policy));
  if (!decoder) throw std::runtime_error(decoder.error().message);
  return std::move(*decoder);
}

// One of: bits flipped, a byte inserted, bytes erased, the head of it with the tail of another.
std::string HostileBytes::Corrupt(std::string bytes) {
  switch (Below(4)) {
    case 0:
      for (std::size_t n = 1 + Below(4); n > 0 && !bytes.empty(); --n)
        bytes[Below(bytes.size())] ^= static_cast<char>(1 << Below(8));
      break;
    case 1:
      bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(Below(bytes.size() + 1)), AnyByte());
      break;
    case 2:
      bytes.erase(Below(bytes.size() + 1), 1 + Below(4));
      break;
    case 3: {
      const std::string& other = messages_[Below(messages_.size())];
      bytes = bytes.substr(0, Below(bytes.size() + 1)) + other.substr(Below(other.size() + 1));
      break;
    }
  }
  return bytes;
}

// What a listener does with a change: messages, and the replica. A row of an event must have the
// columns of its relation, readable.
void HostileBytes::Use(const Change& change) {
  if (std::holds_alternative<model::LogicalMessage>(change)) return;
  const model::Relation& relation = *RelationOf(change);
  const auto use_row = [&](const Row& row) {
    ASSERT_EQ(row.CountColumns(), relation.columns.size());
    ASSERT_TRUE(Row::FromCanonical(std::string(row.bytes())).has_value());
    std::size_t i = 0;
    for (const model::Cell cell : row)
      described_ += model::Describe(relation.columns[i++].type, cell).size();
  };
  if (const auto* insert = std::get_if<model::Insert>(&change)) use_row(insert->row);
  if (const auto* update = std::get_if<model::Update>(&change)) {
    use_row(update->row);
    if (update->old_row) use_row(*update->old_row);
  }
  if (const auto* erase = std::get_if<model::Delete>(&change)) use_row(erase->old_row);
  model::Transaction transaction;
  transaction.changes.push_back(change);
  const model::Digest before = replica_.database().digest();
  if (auto images = replica_.Apply(transaction)) replica_.database().Undo(images->images);
  ASSERT_EQ(replica_.database().digest(), before);
}

// The messages that bring a decoder into the middle of the transaction of message `index`.
std::vector<std::size_t> HostileBytes::NeededBefore(std::size_t index) const {
  std::size_t begin = 0;
  for (const std::size_t i : begins_) {
    if (i <= index) begin = i;
  }
  std::vector<std::size_t> needed;
  for (const std::size_t i : descriptions_) {
    if (i < begin) needed.push_back(i);
  }
  for (std::size_t i = begin; i < index; ++i) needed.push_back(i);
  return needed;
}

Follower HostileBytes::FollowerBefore(std::size_t index) const {
  Follower follower({}, NewDecoder(), TimePoint());
  for (const std::size_t i : NeededBefore(index)) (void)follower.OnCopyData(messages_[i]);
  return follower;
}

std::unique_ptr<Decoder> HostileBytes::DecoderBefore(std::size_t index, FollowPolicy policy) const {
  auto decoder = NewDecoder(policy);
  for (const std::size_t i : NeededBefore(index)) {
    auto frame = ParseFrame(messages_[i]);
    if (const auto* data = std::get_if<XLogData>(&*frame)) (void)decoder->Decode(*data);
  }
  return decoder;
}

void HostileBytes::ExpectNoPrefixIsAnEvent(const std::function<bool(const Event&)>& allowed) {
  for (std::size_t i = 0; i < messages_.size(); ++i) {
    auto frame = ParseFrame(messages_[i]);
    const auto* data = std::get_if<XLogData>(&*frame);
    if (!data) continue;
    const auto decoder = DecoderBefore(i);
    for (std::size_t size = 0; size < data->payload.size(); ++size) {
      // A buffer of exactly this size, so that asan sees a read past it.
      const std::vector<char> prefix(data->payload.begin(),
                                     data->payload.begin() + static_cast<std::ptrdiff_t>(size));
      auto event = decoder->Decode({data->start, data->end, {prefix.data(), prefix.size()}});
      ASSERT_TRUE(!event || allowed(*event))
          << size << " of " << data->payload.size() << " bytes at " << ToString(data->start);
    }
  }
}

void HostileBytes::ExpectNoPrefixOfAFrameCompletesATransaction() {
  for (std::size_t i = 0; i < messages_.size(); ++i) {
    for (std::size_t size = 0; size < messages_[i].size(); ++size) {
      // The long ones are long by their values: each size near the ends, then every 37th.
      if (size > 300 && size + 300 < messages_[i].size() && size % 37 != 0) continue;
      Follower follower = FollowerBefore(i);
      const std::vector<char> prefix(messages_[i].begin(),
                                     messages_[i].begin() + static_cast<std::ptrdiff_t>(size));
      auto out = follower.OnCopyData({prefix.data(), prefix.size()});
      ASSERT_TRUE(!out || !*out) << "message " << i << ", " << size << " bytes";
    }
  }
}

void HostileBytes::ExpectCorruptMessagesEndInAnErrorOrAnEvent() {
  std::size_t events = 0;
  std::size_t errors = 0;
  constexpr int kOfADecoder = 100;  // what is corrupt may change a decoder's mind
  std::unique_ptr<Decoder> decoder;
  for (std::size_t i = 0; i < messages_.size(); ++i) {
    for (int n = 0; n < kCorruptionsOfAMessage; ++n) {
      if (n % kOfADecoder == 0) {
        const bool sets_aside = n / kOfADecoder % 2 == 1;
        decoder = DecoderBefore(i, sets_aside ? FollowPolicy::kSetAside : FollowPolicy::kStrict);
      }
      const std::string corrupt = Corrupt(messages_[i]);
      auto frame = ParseFrame(corrupt);
      const auto* data = frame ? std::get_if<XLogData>(&*frame) : nullptr;
      if (!data) continue;
      auto event = decoder->Decode(*data);
      ++(event ? events : errors);
      (void)decoder->DecodeNotice(corrupt);
      if (!event) {
        ASSERT_FALSE(event.error().message.empty());
      } else if (const auto* change = std::get_if<ChangeEvent>(&*event)) {
        Use(change->change);
        if (HasFatalFailure()) return;
      }
    }
  }
  std::printf("%zu events, %zu errors, %zu characters described\n", events, errors, described_);
  EXPECT_GT(events, 10'000u);
  EXPECT_GT(errors, 10'000u);
}

void HostileBytes::ExpectCorruptFramesNeverBringAFollowerPastThem() {
  constexpr int kOfEach = 200;  // each takes a follower of its own
  for (std::size_t i = 0; i < messages_.size(); ++i) {
    for (int n = 0; n < kOfEach; ++n) {
      Follower follower = FollowerBefore(i);
      const std::string corrupt = Corrupt(messages_[i]);
      auto out = follower.OnCopyData(corrupt);
      if (out) {
        if (*out) {
          for (const Change& change : (*out)->changes) Use(change);
        }
        continue;
      }
      const Lsn received = follower.received();
      const Lsn position = follower.progress().position();
      for (std::size_t next = i + 1; next < messages_.size() && next < i + 4; ++next)
        ASSERT_FALSE(follower.OnCopyData(messages_[next]).has_value());
      follower.OnDurable(received);
      ASSERT_EQ(follower.received(), received);
      ASSERT_LE(position, follower.progress().position());
      ASSERT_LE(follower.progress().position(), received);
    }
  }
}

void HostileBytes::ExpectAStreamWithCorruptMessagesIsReadUpToAnError() {
  for (int round = 0; round < 2000; ++round) {
    Follower follower({}, NewDecoder(), TimePoint());
    bool failed = false;
    for (const std::string& bytes : messages_) {
      auto out = follower.OnCopyData(Below(40) == 0 ? Corrupt(bytes) : bytes);
      ASSERT_TRUE(!failed || !out) << "read on after an error";
      failed = failed || !out;
      if (out && *out) {
        for (const Change& change : (*out)->changes) Use(change);
      }
      (void)follower.TakeStatusUpdate(TimePoint());
      if (failed && Below(4) == 0) break;
    }
    ASSERT_TRUE(failed);  // the capture itself ends in one: a table that changed
  }
}

}  // namespace lockstep::replication
