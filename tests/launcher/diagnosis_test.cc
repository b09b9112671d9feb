#include "launcher/diagnosis.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace lockstep::launcher {
namespace {

using Json = nlohmann::ordered_json;
using postgres::Severity;

Diagnosis Example() {
  return {.database = "dbname=shop user=app",
          .postgres_version = "15.20",
          .plugins = {{"decoderbufs", true}, {"pgoutput", true}, {"wal2json", false}},
          .server = {{Severity::kOk, "wal_level", "logical"}},
          .of_plugins = {{.severity = Severity::kOk,
                          .check = "plugin",
                          .text = "pgoutput can be used",
                          .plugins = {"pgoutput"}},
                         {.severity = Severity::kNote,
                          .check = "plugin",
                          .text = "could not access file",
                          .remedy = "install it",
                          .plugins = {"wal2json"}}},
          .of_tables = {{.check = "identity", .text = "primary key (id)", .subject = "public.t"},
                        {.severity = Severity::kLoss,
                         .check = "truncation",
                         .text = "TRUNCATE is not sent",
                         .remedy = "CREATE TRIGGER ...;\nALTER TABLE ...;\n",
                         .subject = "public.long_name",
                         .plugins = {"decoderbufs"}}}};
}

TEST(DiagnosisTest, TheTextIsATableWithRemediesAndAVerdictOnEachPlugin) {
  EXPECT_EQ(DiagnosisText(Example()), R"(PostgreSQL 15.20, dbname=shop user=app

Server
  ok       server  wal_level  logical

Output plugins
  ok       server  plugin  pgoutput can be used
  note     server  plugin  could not access file
           install it

Tables
  ok       public.t          identity    primary key (id)
  loss     public.long_name  truncation  decoderbufs: TRUNCATE is not sent
           CREATE TRIGGER ...;
           ALTER TABLE ...;

Summary (exit 0)
  decoderbufs  would lose data: 1 loss
  pgoutput     follows everything
  wal2json     cannot be used on this server
)");
}

TEST(DiagnosisTest, OnePluginThatFollowsEverythingIsEnough) {
  Diagnosis diagnosis = Example();
  EXPECT_EQ(ExitCodeOf(diagnosis), model::ExitCode::kConverged);
  diagnosis.plugins.erase(diagnosis.plugins.begin() + 1);
  EXPECT_EQ(ExitCodeOf(diagnosis), model::ExitCode::kUsage);
  diagnosis.of_tables.pop_back();
  EXPECT_EQ(ExitCodeOf(diagnosis), model::ExitCode::kConverged);
}

TEST(DiagnosisTest, AnErrorOfTheServerHindersEveryPlugin) {
  Diagnosis diagnosis = Example();
  diagnosis.server.push_back({Severity::kError, "slots", "0 free"});
  EXPECT_EQ(ExitCodeOf(diagnosis), model::ExitCode::kUsage);
  const std::string text = DiagnosisText(diagnosis);
  EXPECT_TRUE(
      text.ends_with("Summary (exit 1)\n"
                     "  decoderbufs  does not work: 1 error, 1 loss\n"
                     "  pgoutput     does not work: 1 error\n"
                     "  wal2json     does not work: 1 error\n"))
      << text;
}

TEST(DiagnosisTest, AFindingOnEveryPluginNamesNone) {
  Diagnosis diagnosis = Example();
  diagnosis.plugins.pop_back();
  diagnosis.of_tables.back().plugins = {"decoderbufs", "pgoutput"};
  EXPECT_NE(DiagnosisText(diagnosis).find("  TRUNCATE is not sent\n"), std::string::npos);
}

TEST(DiagnosisTest, JsonHasExactlyTheFieldsOfTheContract) {
  const std::string text = DiagnosisJson(Example());
  EXPECT_TRUE(text.ends_with("}\n"));
  EXPECT_EQ(Json::parse(text), Json::parse(R"json({
    "database": "dbname=shop user=app", "postgres_version": "15.20", "exit_code": 0,
    "server": [{"severity": "ok", "subject": "server", "check": "wal_level", "plugins": [],
      "text": "logical", "remedy": null}],
    "plugins": [{"name": "decoderbufs", "usable": true, "follows_everything": false},
      {"name": "pgoutput", "usable": true, "follows_everything": true},
      {"name": "wal2json", "usable": false, "follows_everything": false}],
    "plugin_findings": [{"severity": "ok", "subject": "server", "check": "plugin",
        "plugins": ["pgoutput"], "text": "pgoutput can be used", "remedy": null},
      {"severity": "note", "subject": "server", "check": "plugin", "plugins": ["wal2json"],
        "text": "could not access file", "remedy": "install it"}],
    "tables": [{"severity": "ok", "subject": "public.t", "check": "identity", "plugins": [],
        "text": "primary key (id)", "remedy": null},
      {"severity": "loss", "subject": "public.long_name", "check": "truncation",
        "plugins": ["decoderbufs"], "text": "TRUNCATE is not sent",
        "remedy": "CREATE TRIGGER ...;\nALTER TABLE ...;\n"}]
})json"));
}

TEST(DiagnosisTest, AnErrorIsAnObjectToo) {
  EXPECT_EQ(Json::parse(DiagnosisJson(model::Error{model::ErrorKind::kDisconnected, "gone"})),
            Json::parse(R"({"error": "gone", "exit_code": 4})"));
}

}  // namespace
}  // namespace lockstep::launcher
