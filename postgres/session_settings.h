// What is decided about each setting that a user, a role or a database can give a session: a text,
// a verdict or a wait of ours may not depend on what somebody set for applications.
//
//   startup options: kDefault, what the URI or PGOPTIONS say, kPinned    before any statement
//   the first statement: all of them, where the server knows the setting and the user may set it
#ifndef LOCKSTEP_POSTGRES_SESSION_SETTINGS_H_
#define LOCKSTEP_POSTGRES_SESSION_SETTINGS_H_

#include <span>
#include <string>
#include <string_view>

namespace lockstep::postgres {

enum class SettingRule {
  kPinned,   // ours, whatever is said elsewhere
  kDefault,  // ours, unless the URI or PGOPTIONS say otherwise
  // The same, by the first statement alone: a server that does not know the setting, or a user who
  // may not set it, would be refused the connection.
  kPinnedWherePossible,
  kDefaultWherePossible,
  kLeft,  // as it is
};

struct SessionSetting {
  std::string_view name;
  SettingRule rule = SettingRule::kLeft;
  std::string_view value;  // as SHOW shows it; empty text or of kLeft: empty
  std::string_view reason;
};

// Of every server version from 13 on.
std::span<const SessionSetting> SessionSettings();

// For libpq's `options`. `given`: what the URI or PGOPTIONS say.
std::string StartupOptions(std::string_view given);

// The statement that sets what differs: what could not be named at the start, and what libpq sends
// of the environment (PGDATESTYLE, PGTZ).
std::string SettingsStatement();

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_SESSION_SETTINGS_H_
