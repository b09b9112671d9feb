#include "postgres/session_settings.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "postgres/connection.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

constexpr ConnectionKind kKinds[] = {ConnectionKind::kSql, ConnectionKind::kReplication};

class SessionSettingsTest : public ClusterFixture {
 protected:
  void TearDown() override { Must(Ours().Execute("ALTER DATABASE postgres RESET ALL")); }

  static Connection Open(ConnectionKind kind, const std::string& options = "") {
    return Must(Connection::Open(cluster().uri() + "&options=" + options, kind));
  }
  // Another value than the one that we want: what an application may have been given.
  static std::string OtherValue(Connection& sql, const SessionSetting& setting) {
    static const std::map<std::string_view, std::string> kTexts = {
        {"search_path", "public, pg_catalog"},
        {"local_preload_libraries", "nothing"},
        {"restrict_nonsystem_relation_kind", "view"},
        {"DateStyle", "German"},
        {"TimeZone", "Asia/Kolkata"},
        {"default_table_access_method", "other"},
        {"lc_monetary", "C.UTF-8"},
        {"lc_numeric", "C.UTF-8"},
        {"lc_time", "C.UTF-8"},
        {"lc_messages", "C.UTF-8"}};
    if (const auto text = kTexts.find(setting.name); text != kTexts.end()) return text->second;
    return Must(sql.Scalar(fmt::format(
        "SELECT CASE vartype WHEN 'bool' THEN CASE '{0}' WHEN 'on' THEN 'off' ELSE 'on' END "
        "WHEN 'integer' THEN CASE '{0}' WHEN '0' THEN '60000' ELSE '0' END "
        "ELSE (SELECT v FROM unnest(enumvals) v WHERE v <> '{0}' LIMIT 1) END "
        "FROM pg_settings WHERE name = '{1}'",
        setting.value, setting.name)));
  }
  static bool IsKnown(Connection& sql, std::string_view name) {
    return Must(sql.Scalar(
               fmt::format("SELECT count(*) FROM pg_settings WHERE name = '{}'", name))) == "1";
  }
};

// A setting that a newer server brings wants a line in the table.
TEST_F(SessionSettingsTest, EachThatCanBeSetForASessionIsDecidedAbout) {
  std::set<std::string, std::less<>> decided;
  for (const SessionSetting& setting : SessionSettings()) {
    EXPECT_TRUE(decided.emplace(setting.name).second) << setting.name << " stands there twice";
    EXPECT_FALSE(setting.reason.empty()) << setting.name;
  }
  const auto settings =
      Must(Ours().Execute("SELECT name FROM pg_settings WHERE context IN "
                          "('user', 'superuser', 'backend', 'superuser-backend') ORDER BY name"));
  EXPECT_GT(settings.rows(), 150);
  for (int row = 0; row < settings.rows(); ++row) {
    EXPECT_TRUE(decided.contains(settings.Text(row, 0)))
        << "nobody decided about " << settings.Text(row, 0);
  }
}

TEST_F(SessionSettingsTest, WhatTheDatabaseIsSetToDoesNotCount) {
  Connection sql = Ours();
  int changed = 0;
  for (const SessionSetting& setting : SessionSettings()) {
    // That one only a new session can be given.
    if (setting.rule == SettingRule::kLeft || setting.name == "ignore_system_indexes") continue;
    if (!IsKnown(sql, setting.name)) continue;
    Must(sql.Execute(fmt::format("ALTER DATABASE postgres SET {} = '{}'", setting.name,
                                 OtherValue(sql, setting))));
    ++changed;
  }
  EXPECT_GT(changed, 30);
  for (ConnectionKind kind : kKinds) {
    Connection ours = Open(kind);
    for (const SessionSetting& setting : SessionSettings()) {
      if (setting.rule == SettingRule::kLeft || !IsKnown(ours, setting.name)) continue;
      EXPECT_EQ(Must(ours.Scalar(fmt::format("SHOW {}", setting.name))), setting.value)
          << setting.name;
    }
  }
}

TEST_F(SessionSettingsTest, TheUriAndTheEnvironmentCannotUndoWhatIsPinned) {
  setenv("PGDATESTYLE", "German", 1);
  setenv("PGTZ", "Asia/Kolkata", 1);
  for (ConnectionKind kind : kKinds) {
    for (const SessionSetting& setting : SessionSettings()) {
      if (setting.rule != SettingRule::kPinned) continue;
      Connection sql = Ours();
      const std::string other = OtherValue(sql, setting);
      std::string escaped;
      for (const char c : other) escaped += c == ' ' ? "%5C%20" : std::string(1, c);
      Connection ours = Open(kind, fmt::format("-c%20{}%3D{}", setting.name, escaped));
      EXPECT_EQ(Must(ours.Scalar(fmt::format("SHOW {}", setting.name))), setting.value)
          << setting.name;
    }
  }
  unsetenv("PGDATESTYLE");
  unsetenv("PGTZ");
}

// Not a superuser: what he may not set does not keep him from connecting.
TEST_F(SessionSettingsTest, AUserHasThemAsFarAsHeMay) {
  Must(
      Ours().Execute("CREATE ROLE plain LOGIN REPLICATION; ALTER DATABASE postgres SET "
                     "session_replication_role = replica"));
  for (ConnectionKind kind : kKinds) {
    Connection plain = Must(
        Connection::Open("host=" + cluster().directory() + " user=plain dbname=postgres", kind));
    EXPECT_EQ(Must(plain.Scalar("SHOW search_path")), "pg_catalog, pg_temp");
    EXPECT_EQ(Must(plain.Scalar("SHOW session_replication_role")), "replica");
  }
}

}  // namespace
}  // namespace lockstep::postgres
