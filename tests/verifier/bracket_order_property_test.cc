// Brackets over a pretended server with several sessions, in thousands of interleavings: what
// listeners say is given back in the true order, as far as it is certain; one that lies is seen.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "verifier/bracket_order.h"

namespace lockstep::verifier {
namespace {

using model::CommitRecord;
using model::Lsn;
using Event = std::function<void(BracketOrder&)>;

// std::mt19937_64 is the same everywhere; the distributions are not.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t Below(std::uint64_t n) { return engine_() % n; }
  bool OneIn(std::uint64_t n) { return Below(n) == 0; }

 private:
  std::mt19937_64 engine_;
};

enum class Lie { kNone, kDrop, kShiftOut, kSwap };

// What became of one run: the truth, and for each sender what it says, in order.
struct History {
  std::vector<CommitRecord> commits;  // of the run
  std::map<model::Xid, model::CommitBracket> brackets;
  std::vector<CommitRecord> stream;  // with foreign ones
  std::deque<Event> applier;
  std::vector<std::deque<Event>> listeners;
  std::vector<model::Xid> lied_about;
};

// Sessions that read the position, commit and read it again, with anything in between.
History MakeHistory(Dice& dice, std::uint64_t sessions, std::size_t steps) {
  struct Session {
    int step = 0;
    bool holds_settler = false;
    model::CommitBracket bracket;
    model::Xid xid;
  };
  History history;
  std::vector<Session> all(sessions);
  Lsn wal{1000};
  std::uint32_t next_xid = 1;
  Lsn settling;  // 0: no question is open
  for (std::size_t i = 0; i < steps || std::ranges::any_of(all, &Session::step); ++i) {
    wal.value += dice.Below(3) * 8;  // changes
    if (dice.OneIn(8)) {
      wal.value += 32;
      history.stream.push_back({{next_xid++}, wal});
    }
    if (!settling.IsValid() && dice.OneIn(4)) {
      settling = wal;
      for (Session& session : all) session.holds_settler = session.step > 0;
    }
    Session& session = all[dice.Below(sessions)];
    if (session.step == 0) {
      if (i < steps) session.step = 1;
    } else if (session.step == 1) {
      session.bracket.before = wal;
      session.step = 2;
    } else if (session.step == 2) {
      wal.value += 32;
      session.xid = {next_xid++};
      history.commits.push_back({session.xid, wal});
      history.stream.push_back({session.xid, wal});
      session.step = 3;
    } else {
      session.bracket.after = wal;
      history.brackets[session.xid] = session.bracket;
      history.applier.push_back(
          [outcome = model::Outcome{.id = {session.xid.value},
                                    .session = {1},
                                    .xid = {session.xid.value},
                                    .fate = model::Fate::kCommitted,
                                    .bracket = session.bracket}](BracketOrder& order) {
            ASSERT_TRUE(order.OnOutcome(outcome));
          });
      session = {};
    }
    if (settling.IsValid() && std::ranges::none_of(all, &Session::holds_settler)) {
      history.applier.push_back([lsn = settling](BracketOrder& order) { order.OnSettled(lsn); });
      settling = {};
    }
  }
  history.applier.push_back([wal](BracketOrder& order) { order.OnSettled(wal); });
  return history;
}

void AddListener(History& history, Dice& dice, std::vector<CommitRecord> stream) {
  const std::string name = "listener-" + std::to_string(history.listeners.size() + 1);
  std::deque<Event> says;
  const Lsn end = history.stream.empty() ? Lsn{1000} : history.stream.back().end_lsn;
  for (const CommitRecord& record : stream) {
    says.push_back([=](BracketOrder& order) { order.OnReport(name, record.xid, record.end_lsn); });
    if (dice.OneIn(5))
      says.push_back([=](BracketOrder& order) { order.OnReceived(name, record.end_lsn); });
  }
  says.push_back([=](BracketOrder& order) { order.OnReceived(name, {end.value + 1'000}); });
  history.listeners.push_back(std::move(says));
}

// One lie about a commit of the run, if there is an occasion.
std::vector<CommitRecord> Lying(History& history, Dice& dice, Lie lie) {
  std::vector<CommitRecord> stream = history.stream;
  const std::size_t start = dice.Below(stream.size());
  for (std::size_t n = 0; n < stream.size(); ++n) {
    const std::size_t i = (start + n) % stream.size();
    const auto bracket = history.brackets.find(stream[i].xid);
    if (bracket == history.brackets.end()) continue;
    history.lied_about = {stream[i].xid};
    if (lie == Lie::kDrop) {
      stream.erase(stream.begin() + static_cast<std::ptrdiff_t>(i));
      return stream;
    }
    if (lie == Lie::kShiftOut) {
      stream[i].end_lsn = bracket->second.before;
      return stream;
    }
    if (i + 1 == stream.size()) continue;
    const auto next = history.brackets.find(stream[i + 1].xid);
    // Where the brackets allow it, a swap cannot be seen.
    if (next == history.brackets.end() || next->second.before < bracket->second.after) continue;
    history.lied_about.push_back(stream[i + 1].xid);
    std::swap(stream[i].xid, stream[i + 1].xid);
    return stream;
  }
  history.lied_about.clear();
  return stream;
}

// Everybody says everything, in some interleaving; returns all records given.
std::vector<CommitRecord> Play(History& history, Dice& dice, BracketOrder& order, bool honest) {
  for (std::size_t i = 0; i < history.listeners.size(); ++i)
    order.OnListener("listener-" + std::to_string(i + 1), Lsn{1000});
  std::vector<std::deque<Event>*> senders{&history.applier};
  for (auto& listener : history.listeners) senders.push_back(&listener);
  std::vector<CommitRecord> given;
  Lsn certain;
  const auto take = [&] {
    const BracketOrder::Batch batch = order.Take();
    EXPECT_GE(batch.certain, certain);
    for (const CommitRecord& record : batch.commits) {
      EXPECT_GT(record.end_lsn, certain);
      EXPECT_LE(record.end_lsn, batch.certain);
      given.push_back(record);
    }
    certain = batch.certain;
    // Certain means: nothing of the run up to there is still to come.
    if (!honest) return;
    const auto count = std::ranges::count_if(
        history.commits, [&](const CommitRecord& record) { return record.end_lsn <= certain; });
    EXPECT_EQ(static_cast<std::size_t>(count), given.size());
  };
  while (!senders.empty()) {
    const std::size_t i = dice.Below(senders.size());
    for (std::uint64_t n = 1 + dice.Below(6); n > 0 && !senders[i]->empty(); --n) {
      senders[i]->front()(order);
      senders[i]->pop_front();
      if (dice.OneIn(3)) take();
    }
    if (senders[i]->empty()) senders.erase(senders.begin() + static_cast<std::ptrdiff_t>(i));
  }
  take();
  return given;
}

constexpr std::uint64_t kSeeds = 1'500;

TEST(BracketOrderPropertyTest, HonestListenersGiveTheTrueOrder) {
  for (std::uint64_t seed = 1; seed <= kSeeds && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    History history = MakeHistory(dice, 1 + dice.Below(6), 120);
    const std::uint64_t listeners = 1 + dice.Below(3);
    for (std::uint64_t i = 0; i < listeners; ++i) AddListener(history, dice, history.stream);
    BracketOrder order;
    EXPECT_EQ(Play(history, dice, order, true), history.commits);
  }
}

// Whatever one listener says beside two honest ones, the order is the true one, and the lie is
// told.
TEST(BracketOrderPropertyTest, TwoOfThreeDecideAndTheThirdIsNamed) {
  for (std::uint64_t seed = 1; seed <= kSeeds && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    History history = MakeHistory(dice, 1 + dice.Below(6), 120);
    const Lie lie = static_cast<Lie>(1 + dice.Below(3));
    const auto lies = Lying(history, dice, lie);
    AddListener(history, dice, lies);
    AddListener(history, dice, history.stream);
    AddListener(history, dice, history.stream);
    BracketOrder order;
    EXPECT_EQ(Play(history, dice, order, true), history.commits);
    for (const model::Xid xid : history.lied_about) {
      Finding finding{.kind = model::VerdictKind::kMissing, .reason = "judged", .xid = xid};
      order.Explain("listener-1", finding);
      EXPECT_NE(finding.reason, "judged");
      EXPECT_EQ(finding.kind == model::VerdictKind::kDiverged, lie != Lie::kDrop);
      Finding other{.kind = model::VerdictKind::kDiverged, .reason = "judged", .xid = xid};
      order.Explain("listener-2", other);
      EXPECT_EQ(other.reason, "judged");
    }
  }
}

// Alone, a listener's lie gives an order that is not what it reported; every commit is given all
// the same, in its bracket.
TEST(BracketOrderPropertyTest, OneThatLiesAloneDoesNotGetItsOrder) {
  for (std::uint64_t seed = 1; seed <= kSeeds && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    History history = MakeHistory(dice, 1 + dice.Below(6), 120);
    const auto stream = Lying(history, dice, static_cast<Lie>(1 + dice.Below(3)));
    AddListener(history, dice, stream);
    BracketOrder order;
    const auto given = Play(history, dice, order, false);
    EXPECT_EQ(given.size(), history.commits.size());
    for (const CommitRecord& record : given) {
      const model::CommitBracket& bracket = history.brackets.at(record.xid);
      EXPECT_GT(record.end_lsn, bracket.before);
      EXPECT_LE(record.end_lsn, bracket.after);
      const bool lied =
          std::ranges::find(history.lied_about, record.xid) != history.lied_about.end();
      EXPECT_EQ(std::ranges::find(stream, record) == stream.end(), lied);
    }
  }
}

}  // namespace
}  // namespace lockstep::verifier
