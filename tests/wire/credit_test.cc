#include "wire/credit.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace lockstep::wire {
namespace {

TEST(CreditGrantor, TheFirstGrantIsTheWindow) {
  CreditGrantor grantor({.scripts = 16, .bytes = 1000});
  EXPECT_EQ(grantor.NextGrant(), (Credit{.scripts = 16, .bytes = 1000}));
  EXPECT_EQ(grantor.NextGrant(), std::nullopt);
}

TEST(CreditGrantor, GrantsTotalsInStepsOfAnEighth) {
  CreditGrantor grantor({.scripts = 16, .bytes = 1000});
  grantor.NextGrant();
  grantor.Judge(1, 10);
  EXPECT_EQ(grantor.NextGrant(), std::nullopt);
  grantor.Judge(1, 10);
  EXPECT_EQ(grantor.NextGrant(), (Credit{.scripts = 18, .bytes = 1020}));
  grantor.Judge(1, 125);  // the bytes alone make a step
  EXPECT_EQ(grantor.NextGrant(), (Credit{.scripts = 19, .bytes = 1145}));
}

TEST(CreditSpender, SendsNothingBeforeTheFirstCredit) { EXPECT_FALSE(CreditSpender().MaySend()); }

TEST(CreditSpender, StopsAtTheScripts) {
  CreditSpender spender;
  spender.Apply({.scripts = 2, .bytes = 1000});
  spender.Spend(1);
  EXPECT_TRUE(spender.MaySend());
  spender.Spend(1);
  EXPECT_FALSE(spender.MaySend());
}

TEST(CreditSpender, SendsOneScriptMoreThanTheBytesAllow) {
  CreditSpender spender;
  spender.Apply({.scripts = 10, .bytes = 100});
  spender.Spend(99);
  EXPECT_TRUE(spender.MaySend());
  spender.Spend(5000);
  EXPECT_FALSE(spender.MaySend());
  spender.Apply({.scripts = 10, .bytes = 5099});
  EXPECT_FALSE(spender.MaySend());
  spender.Apply({.scripts = 10, .bytes = 5100});
  EXPECT_TRUE(spender.MaySend());
}

TEST(CreditSpender, ALateCreditTakesNothingBack) {
  CreditSpender spender;
  spender.Apply({.scripts = 5, .bytes = 500});
  spender.Apply({.scripts = 1, .bytes = 100});
  for (int i = 0; i < 4; ++i) spender.Spend(10);
  EXPECT_TRUE(spender.MaySend());
}

// Sends as allowed, judges in order at random moments, sometimes scripts far larger than the
// window.
TEST(Credit, NeverDeadlocksAndNeverExceedsTheWindowByMoreThanOneScript) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const CreditWindow window{.scripts = 1 + random() % 50, .bytes = 1 + random() % 5000};
    CreditGrantor grantor(window);
    CreditSpender spender;
    std::deque<std::uint64_t> unjudged;
    while (spender.sent_scripts() < 1000) {
      if (const auto credit = grantor.NextGrant()) spender.Apply(*credit);
      ASSERT_TRUE(spender.MaySend() || !unjudged.empty()) << "deadlock";
      if (spender.MaySend() && random() % 2 == 0) {
        ASSERT_LT(unjudged.size(), window.scripts);
        ASSERT_LT(spender.sent_bytes() - grantor.judged_bytes(), window.bytes);
        unjudged.push_back(random() % 10 == 0 ? window.bytes * 3 : random() % 200);
        spender.Spend(unjudged.back());
      } else if (!unjudged.empty()) {
        grantor.Judge(1, unjudged.front());
        unjudged.pop_front();
      }
    }
  }
}

}  // namespace
}  // namespace lockstep::wire
