#include "launcher/diagnosis.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "report/shown_text.h"

namespace lockstep::launcher {
namespace {

using Json = nlohmann::ordered_json;
using postgres::Finding;
using postgres::Severity;
using Findings = std::vector<Finding>;

// Below a finding: deeper than its severity.
constexpr std::string_view kRemedyIndent = "           ";

std::array<const Findings*, 3> All(const Diagnosis& diagnosis) {
  return {&diagnosis.server, &diagnosis.of_plugins, &diagnosis.of_tables};
}

// Named where it is not about every plugin that was looked at.
std::string TextOf(const Finding& finding, const Diagnosis& diagnosis) {
  const bool of_all = finding.plugins.empty() || finding.plugins.size() == diagnosis.plugins.size();
  if (of_all || finding.check == "plugin") return finding.text;
  return fmt::format("{}: {}", fmt::join(finding.plugins, ", "), finding.text);
}

// Indented, its last newline dropped.
std::string RemedyText(std::string_view remedy) {
  std::string text;
  while (!remedy.empty()) {
    const std::size_t end = std::min(remedy.find('\n'), remedy.size());
    text += fmt::format("{}{}\n", kRemedyIndent, report::OneLine(remedy.substr(0, end)));
    remedy.remove_prefix(std::min(end + 1, remedy.size()));
  }
  return text;
}

std::string SectionText(const char* title, const Findings& findings, const Diagnosis& diagnosis) {
  if (findings.empty()) return {};
  std::size_t subject_width = 0;
  std::size_t check_width = 0;
  for (const Finding& finding : findings) {
    subject_width = std::max(subject_width, report::OneLine(finding.subject).size());
    check_width = std::max(check_width, finding.check.size());
  }
  std::string text = fmt::format("\n{}\n", title);
  for (const Finding& finding : findings) {
    text += fmt::format("  {:<7}  {:<{}}  {:<{}}  {}\n", ToString(finding.severity),
                        report::OneLine(finding.subject), subject_width, finding.check, check_width,
                        report::OneLine(TextOf(finding, diagnosis)));
    text += RemedyText(finding.remedy);
  }
  return text;
}

// How many findings of that severity are about the plugin.
std::ptrdiff_t Count(const Diagnosis& diagnosis, const std::string& plugin, Severity severity) {
  std::ptrdiff_t count = 0;
  for (const Findings* findings : All(diagnosis)) {
    count += std::ranges::count_if(*findings, [&](const Finding& finding) {
      return finding.severity == severity && Hinders(finding, plugin);
    });
  }
  return count;
}

std::string VerdictOn(const Diagnosis& diagnosis, const DiagnosedPlugin& plugin) {
  if (FollowsEverything(diagnosis, plugin)) return "follows everything";
  const std::ptrdiff_t errors = Count(diagnosis, plugin.name, Severity::kError);
  const std::ptrdiff_t losses = Count(diagnosis, plugin.name, Severity::kLoss);
  if (!plugin.usable && errors == 0) return "cannot be used on this server";
  std::string counts;
  if (errors > 0) counts = fmt::format("{} error{}", errors, errors == 1 ? "" : "s");
  if (losses > 0) {
    counts += fmt::format("{}{} loss{}", errors > 0 ? ", " : "", losses, losses == 1 ? "" : "es");
  }
  return fmt::format("{}: {}", errors > 0 ? "does not work" : "would lose data", counts);
}

Json FindingsJson(const Findings& findings) {
  Json list = Json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"severity", ToString(finding.severity)},
                    {"subject", finding.subject},
                    {"check", finding.check},
                    {"plugins", finding.plugins},
                    {"text", finding.text},
                    {"remedy", finding.remedy.empty() ? Json(nullptr) : Json(finding.remedy)}});
  }
  return list;
}

std::string Dump(const Json& json) {
  // A name in a SQL_ASCII database need not be UTF-8.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

bool FollowsEverything(const Diagnosis& diagnosis, const DiagnosedPlugin& plugin) {
  return plugin.usable && std::ranges::none_of(All(diagnosis), [&](const Findings* findings) {
           return std::ranges::any_of(
               *findings, [&](const Finding& finding) { return Hinders(finding, plugin.name); });
         });
}

model::ExitCode ExitCodeOf(const Diagnosis& diagnosis) {
  const bool good = std::ranges::any_of(diagnosis.plugins, [&](const DiagnosedPlugin& plugin) {
    return FollowsEverything(diagnosis, plugin);
  });
  return good ? model::ExitCode::kConverged : model::ExitCode::kUsage;
}

std::string DiagnosisText(const Diagnosis& diagnosis) {
  std::string text = fmt::format("PostgreSQL {}, {}\n", report::OneLine(diagnosis.postgres_version),
                                 report::OneLine(diagnosis.database));
  text += SectionText("Server", diagnosis.server, diagnosis);
  text += SectionText("Output plugins", diagnosis.of_plugins, diagnosis);
  text += SectionText("Tables", diagnosis.of_tables, diagnosis);
  text += fmt::format("\nSummary (exit {})\n", static_cast<int>(ExitCodeOf(diagnosis)));
  std::size_t width = 0;
  for (const DiagnosedPlugin& plugin : diagnosis.plugins) {
    width = std::max(width, plugin.name.size());
  }
  for (const DiagnosedPlugin& plugin : diagnosis.plugins) {
    text += fmt::format("  {:<{}}  {}\n", plugin.name, width, VerdictOn(diagnosis, plugin));
  }
  return text;
}

std::string DiagnosisJson(const Diagnosis& diagnosis) {
  Json json;
  json["database"] = diagnosis.database;
  json["postgres_version"] = diagnosis.postgres_version;
  json["exit_code"] = static_cast<int>(ExitCodeOf(diagnosis));
  json["server"] = FindingsJson(diagnosis.server);
  json["plugins"] = Json::array();
  for (const DiagnosedPlugin& plugin : diagnosis.plugins) {
    json["plugins"].push_back({{"name", plugin.name},
                               {"usable", plugin.usable},
                               {"follows_everything", FollowsEverything(diagnosis, plugin)}});
  }
  json["plugin_findings"] = FindingsJson(diagnosis.of_plugins);
  json["tables"] = FindingsJson(diagnosis.of_tables);
  return Dump(json);
}

std::string DiagnosisJson(const model::Error& error) {
  return Dump(
      {{"error", error.message}, {"exit_code", static_cast<int>(model::ExitCodeOf(error))}});
}

}  // namespace lockstep::launcher
