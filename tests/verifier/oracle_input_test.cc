// The oracle's input: any interleaving gives the same, and what cannot be true is refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/verifier/small_run.h"
#include "verifier/oracle.h"

namespace lockstep::verifier {
namespace {

using model::Fate;
using model::Lsn;

// ---- interleavings ----

using Random = std::mt19937;

std::size_t Below(Random& random, std::size_t bound) { return random() % bound; }

model::Operation RandomOperation(Random& random, std::uint32_t session) {
  const auto id = static_cast<std::int64_t>(session * 100 + Below(random, 5));
  const std::string a = std::to_string(random());
  switch (Below(random, 7)) {
    case 0:
      return Insert(id, a);
    case 1:
      return UpsertA(id, a);
    case 2:
      return SetA(id, a);
    case 3:
      return SetId(id, static_cast<std::int64_t>(session * 100 + Below(random, 5)));
    case 4:
      return Delete(id);
    case 5:
      return model::Savepoint{};
    default:
      return SetA(id, "x");
  }
}

// A run that has happened: scripts by id, outcomes and commits as Postgres's scheduling gave them.
struct Happened {
  std::vector<Ran> by_id;
  std::vector<Ran> ran;                  // in the order of their ends
  std::vector<model::CommitRecord> wal;  // with foreign ones
};

Happened MakeRun(Random& random) {
  constexpr std::size_t kScripts = 80;
  std::map<std::uint32_t, std::deque<model::Script>> queues;
  std::map<std::uint64_t, Ran> by_id;
  for (std::uint64_t id = 1; id <= kScripts; ++id) {
    model::Script script{{id}, {static_cast<std::uint32_t>(1 + Below(random, kSessions))}};
    for (std::size_t i = Below(random, 5); i-- > 0;)
      script.operations.push_back(RandomOperation(random, script.session.value));
    if (Below(random, 6) == 0) script.end = model::ScriptEnd::kRollback;
    queues[script.session.value].push_back(std::move(script));
  }
  Happened happened;
  PretendedPostgres postgres;
  while (!queues.empty()) {
    if (Below(random, 5) == 0) happened.wal.push_back(postgres.CommitForeign());
    auto queue =
        std::next(queues.begin(), static_cast<std::ptrdiff_t>(Below(random, queues.size())));
    happened.ran.push_back(postgres.Run(queue->second.front()));
    const Ran& ran = happened.ran.back();
    by_id[ran.script.id.value] = ran;
    if (ran.committed()) happened.wal.push_back(ran.record);
    queue->second.pop_front();
    if (queue->second.empty()) queues.erase(queue);
  }
  for (auto& [id, ran] : by_id) happened.by_id.push_back(std::move(ran));
  return happened;
}

using Step = std::function<void(Oracle&)>;

// The three ways by which an oracle hears of a run; each keeps its order.
std::vector<std::deque<Step>> WaysOf(const Happened& happened, Random& random) {
  std::vector<std::deque<Step>> ways(3);
  for (const Ran& ran : happened.by_id)
    ways[0].push_back([&ran](Oracle& o) { EXPECT_TRUE(o.OnScript(ran.script, 10)); });

  std::map<std::uint32_t, std::deque<const Ran*>> sessions;
  for (const Ran& ran : happened.ran) sessions[ran.script.session.value].push_back(&ran);
  std::set<Lsn> unreported;
  for (const Ran& ran : happened.ran) {
    if (ran.committed()) unreported.insert(ran.record.end_lsn);
  }
  const Lsn end = happened.wal.back().end_lsn;
  while (!sessions.empty()) {
    auto session =
        std::next(sessions.begin(), static_cast<std::ptrdiff_t>(Below(random, sessions.size())));
    const Ran* ran = session->second.front();
    session->second.pop_front();
    if (session->second.empty()) sessions.erase(session);
    ways[1].push_back([ran](Oracle& o) { EXPECT_TRUE(o.OnOutcome(ran->outcome)); });
    if (ran->committed()) unreported.erase(ran->record.end_lsn);
    const Lsn settled = unreported.empty() ? end : Lsn{unreported.begin()->value - 1};
    if (Below(random, 3) == 0) ways[1].push_back([=](Oracle& o) { o.OnSettled(settled); });
  }
  ways[1].push_back([=](Oracle& o) { o.OnSettled(end); });

  for (std::size_t i = 0; i < happened.wal.size();) {
    const std::size_t count = std::min(1 + Below(random, 4), happened.wal.size() - i);
    std::span<const model::CommitRecord> records(&happened.wal[i], count);
    const Lsn scanned{records.back().end_lsn.value + Below(random, 10)};
    ways[2].push_back([=](Oracle& o) { o.OnCommitRecords(records, scanned); });
    i += count;
  }
  ways[2].push_back([=](Oracle& o) { o.OnCommitRecords({}, end); });
  return ways;
}

TEST(OracleInputTest, AnyInterleavingGivesTheSameExpectations) {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const Happened happened = MakeRun(random);
    Oracle oracle(MakeSmallCatalog());
    oracle.AddView({});
    std::vector<Expectation> made;
    Lsn frontier;
    auto ways = WaysOf(happened, random);
    while (!ways.empty()) {
      auto way = std::next(ways.begin(), static_cast<std::ptrdiff_t>(Below(random, ways.size())));
      for (std::size_t i = 1 + Below(random, 10); i-- > 0 && !way->empty(); way->pop_front())
        way->front()(oracle);
      if (way->empty()) ways.erase(way);
      if (Below(random, 2) == 0 && !ways.empty()) continue;
      oracle.Advance(std::nullopt);
      for (const Expectation& e : oracle.TakeExpectations()) made.push_back(e);
      EXPECT_GE(oracle.frontier(), frontier);
      frontier = oracle.frontier();
    }
    ASSERT_FALSE(oracle.illegal_effect()) << oracle.illegal_effect()->message;
    EXPECT_EQ(oracle.scripts_waiting(), 0u);
    EXPECT_GE(frontier, happened.wal.back().end_lsn);
    EXPECT_EQ(oracle.counts().failed, 0u);
    std::size_t next = 0;
    for (const Ran& ran : happened.ran) {
      if (!ran.committed()) continue;
      ASSERT_LT(next, made.size());
      const Expectation& e = made[next++];
      EXPECT_EQ(std::tuple(e.id, e.xid, e.end_lsn, e.views.at(0).state),
                std::tuple(ran.script.id, ran.record.xid, ran.record.end_lsn, ran.digest));
      EXPECT_EQ(oracle.FindTransaction(ran.record.xid), ran.script.id);
    }
    EXPECT_EQ(next, made.size());
    EXPECT_EQ(oracle.counts().committed, next);
    EXPECT_EQ(oracle.counts().rolled_back, happened.ran.size() - next);
    if (HasFailure()) break;
  }
}

// ---- what cannot be true ----

class OracleHostileTest : public testing::Test {
 protected:
  bool Script(const Ran& ran) { return oracle_.OnScript(ran.script, 10); }
  bool Outcome(model::Outcome outcome) { return oracle_.OnOutcome(std::move(outcome)); }

  PretendedPostgres postgres_;
  Oracle oracle_{MakeSmallCatalog()};
};

TEST_F(OracleHostileTest, ASecondOutcomeIsRefused) {
  const Ran ran = postgres_.Run(1, {});
  EXPECT_TRUE(Script(ran) && Outcome(ran.outcome));
  EXPECT_FALSE(Outcome(ran.outcome));
  model::Outcome again = ran.outcome;
  again.xid = {7777};
  EXPECT_FALSE(Outcome(again));
  Tell(oracle_, ran.record);
  oracle_.Advance(std::nullopt);
  EXPECT_FALSE(Outcome(again));
  EXPECT_EQ(oracle_.counts().committed, 1u);
}

TEST_F(OracleHostileTest, AnOutcomeThatIsNotItsSessionsTurnIsRefused) {
  const Ran first = postgres_.Run(1, {}), second = postgres_.Run(1, {});
  EXPECT_TRUE(Script(first) && Script(second));
  EXPECT_FALSE(Outcome(second.outcome));
  EXPECT_TRUE(Outcome(first.outcome) && Outcome(second.outcome));
}

TEST_F(OracleHostileTest, AnOutcomeOfAnotherSessionOrNoneIsRefused) {
  const Ran ran = postgres_.Run(1, {});
  EXPECT_TRUE(Script(ran));
  for (std::uint32_t session : {0u, 2u, kSessions + 1, UINT32_MAX}) {
    model::Outcome outcome = ran.outcome;
    outcome.session = {session};
    EXPECT_FALSE(Outcome(outcome)) << session;
  }
}

TEST_F(OracleHostileTest, AnOutcomeWithoutOrWithAnothersXidIsRefused) {
  Ran first = postgres_.Run(1, {}), second = postgres_.Run(2, {});
  EXPECT_TRUE(Script(first) && Script(second) && Outcome(first.outcome));
  second.outcome.xid = first.outcome.xid;
  EXPECT_FALSE(Outcome(second.outcome));
  second.outcome.xid = {};
  EXPECT_FALSE(Outcome(second.outcome));
  second.outcome.fate = Fate::kRolledBack;  // one that never got an xid
  EXPECT_TRUE(Outcome(second.outcome));
}

TEST_F(OracleHostileTest, AnOutcomeWhoseScriptNeverComesKeepsTheRunWaiting) {
  model::Outcome unknown = postgres_.Run(1, {}).outcome;
  unknown.id = {99};
  EXPECT_TRUE(Outcome(unknown));
  oracle_.Advance(std::nullopt);
  EXPECT_EQ(oracle_.scripts_waiting(), 1u);
}

TEST_F(OracleHostileTest, EarlyOutcomesAreBounded) {
  model::Outcome outcome{.session = {1}, .fate = Fate::kRolledBack};
  for (std::size_t i = 0; i < Oracle::kEarlyOutcomesMax; ++i) {
    ++outcome.id.value;
    ASSERT_TRUE(Outcome(outcome));
  }
  ++outcome.id.value;
  EXPECT_FALSE(Outcome(outcome));
}

TEST_F(OracleHostileTest, AScriptThatSkipsTheOneWithAnOutcomeIsRefused) {
  const Ran first = postgres_.Run(1, {}), second = postgres_.Run(1, {});
  EXPECT_TRUE(Outcome(first.outcome));
  EXPECT_FALSE(Script(second));
  EXPECT_TRUE(Script(first) && Script(second));
}

TEST_F(OracleHostileTest, AScriptThatDoesNotFitTheCatalogIsRefused) {
  const auto script = [&](model::Operation operation) {
    return oracle_.OnScript({{1}, {1}, {std::move(operation)}}, 10);
  };
  EXPECT_FALSE(script(model::InsertRow{7, Item(1, "a", "b")}));
  EXPECT_FALSE(script(model::InsertRow{kItems, ItemKey(1)}));
  EXPECT_FALSE(script(model::UpsertRow{kItems, Item(1, "a", "b"), {9}}));
  EXPECT_FALSE(script(model::DeleteRow{kItems, Item(1, "a", "b")}));
  EXPECT_FALSE(oracle_.OnScript({{1}, {kSessions + 1}, {}}, 10));
  EXPECT_EQ(oracle_.counts().generated, 0u);
  EXPECT_EQ(oracle_.scripts_waiting(), 0u);
  EXPECT_TRUE(script(Insert(1)));
}

TEST_F(OracleHostileTest, AScriptThatComesTwiceIsRefused) {
  const Ran first = postgres_.Run(1, {}), second = postgres_.Run(1, {});
  EXPECT_TRUE(Script(first) && Script(second));
  EXPECT_FALSE(Script(second));
  EXPECT_FALSE(Script(first));
  EXPECT_FALSE(oracle_.OnScript({{0}, {1}, {}}, 10));
}

TEST_F(OracleHostileTest, ARepeatedCommitRecordIsDropped) {
  const Ran ran = postgres_.Run(1, {Insert(1)}), next = postgres_.Run(1, {Insert(2)});
  Tell(oracle_, ran);
  Tell(oracle_, ran.record);
  oracle_.Advance(std::nullopt);
  Tell(oracle_, ran.record);
  oracle_.Advance(std::nullopt);
  Tell(oracle_, next);
  Tell(oracle_, ran.record);
  oracle_.Advance(std::nullopt);
  EXPECT_EQ(oracle_.TakeExpectations().size(), 2u);
  EXPECT_FALSE(oracle_.illegal_effect());
  EXPECT_EQ(oracle_.frontier(), next.record.end_lsn);
  EXPECT_EQ(oracle_.expected().digest(), next.digest);
}

TEST_F(OracleHostileTest, ASecondCommitOfATransactionIsIllegal) {
  const Ran ran = postgres_.Run(1, {Insert(1)});
  Tell(oracle_, ran);
  Tell(oracle_, {ran.record.xid, {ran.record.end_lsn.value + 16}});
  oracle_.Advance(std::nullopt);
  ASSERT_TRUE(oracle_.illegal_effect());
  EXPECT_EQ(oracle_.illegal_effect()->id, ran.script.id);
  EXPECT_EQ(oracle_.TakeExpectations().size(), 1u);
}

}  // namespace
}  // namespace lockstep::verifier
