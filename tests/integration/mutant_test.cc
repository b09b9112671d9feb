// Each line of a decoder that matters is broken once; a run with that listener must not converge.
#include <gtest/gtest.h>

#include <string>

#include "tests/integration/lockstep_fixture.h"

namespace lockstep::integration {
namespace {

class MutantTest : public DatabaseFixture {
 protected:
  // Settings of the server's under which every text form is another one.
  static void SetUpTestSuite() {
    DatabaseFixture::SetUpTestSuite();
    Must(
        Sql().Execute("ALTER ROLE postgres SET DateStyle = 'German';"
                      "ALTER ROLE postgres SET TimeZone = 'Asia/Kolkata';"
                      "ALTER ROLE postgres SET IntervalStyle = 'iso_8601';"
                      "ALTER ROLE postgres SET bytea_output = 'escape';"
                      "ALTER ROLE postgres SET extra_float_digits = -10"));
  }

  Ended RunWith(const std::string& mutant, const std::string& plugin) {
    return Run({.transactions = 1500,
                .plugin = plugin,
                .listener_program = mutant.empty() ? "" : "tests/integration/" + mutant});
  }
  void Diverges(const std::string& mutant, const std::string& plugin) {
    const Ended run = RunWith(mutant, plugin);
    EXPECT_EQ(run.exit_code, 2) << run.output;
    EXPECT_EQ(run.verdict(), "diverged") << run.output;
    // A row that comes and goes within its commit leaves the state right: there is none to show.
    const bool state_is_right = run.reason().find("is right, but the changes") != std::string::npos;
    EXPECT_EQ(run.divergence()["rows"].empty(), state_is_right) << run.output;
    run.LeavesNothing();
  }
  // The decoder itself finds that something is wrong. What was found before that stays found.
  void IsRefused(const std::string& mutant, const std::string& plugin, const std::string& error) {
    const Ended run = RunWith(mutant, plugin);
    EXPECT_TRUE(run.exit_code == 4 || run.exit_code == 2) << run.output;
    EXPECT_NE(run.output.find(error), std::string::npos) << run.output;
    run.LeavesNothing();
  }
};

TEST_F(MutantTest, ASoundListenerConvergesWhateverTheServersSettings) {
  RunWith("", "all").Converges();
}

TEST_F(MutantTest, UnchangedToastAsNull) {
  Diverges("decoderbufs_unchanged_as_null", "decoderbufs");
  Diverges("wal2json_unchanged_as_null", "wal2json");
  Diverges("pgoutput_unchanged_as_null", "pgoutput");
}

TEST_F(MutantTest, APinnedSettingLeftOut) {
  Diverges("interval_style_not_pinned", "wal2json");
  // The greatest float, rounded to fewer digits, is none any more.
  IsRefused("float_digits_not_pinned", "pgoutput", "in the pinned text form");
}

TEST_F(MutantTest, ANameThatStaysQuoted) {
  IsRefused("names_stay_quoted", "decoderbufs", "is sent as");
}

TEST_F(MutantTest, ATruncationPassedOver) { Diverges("truncation_passed_over", "decoderbufs"); }

}  // namespace
}  // namespace lockstep::integration
