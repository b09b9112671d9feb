#include "report/audit_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "model/exclusion.h"
#include "report/shown_text.h"

namespace lockstep::report {
namespace {

using Json = nlohmann::ordered_json;
using model::Result;

Json RowJson(const std::optional<model::NamedTexts>& row) {
  if (!row) return nullptr;
  Json object = Json::object();
  for (const auto& [column, text] : *row) object[column] = text ? Json(*text) : Json(nullptr);
  return object;
}

Json LsnJson(model::Lsn lsn) { return lsn.IsValid() ? Json(ToString(lsn)) : Json(nullptr); }
Json XidJson(model::Xid xid) { return xid.value == 0 ? Json(nullptr) : Json(xid.value); }
Json TextJson(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json UnprovenJson(const std::vector<UnprovenChanges>& unproven) {
  Json list = Json::array();
  for (const UnprovenChanges& one : unproven) {
    list.push_back({{"changes", one.changes},
                    {"from", LsnJson(one.from)},
                    {"to", LsnJson(one.to)},
                    {"reason", one.reason}});
  }
  return list;
}

Json TableJson(const AuditedTable& table) {
  return {{"schema", table.schema},
          {"table", table.name},
          {"status", ToString(table.status)},
          {"reason_code", table.status == TableStatus::kExcluded
                              ? Json(model::CodeOf(table.why_excluded))
                              : Json(nullptr)},
          {"reason", TextJson(table.reason)},
          {"rows", table.rows},
          {"changes", table.changes},
          {"proven", table.proven},
          {"unproven", UnprovenJson(table.unproven)},
          {"comparisons", table.comparisons},
          {"digest", ToString(table.digest)},
          {"followed_from", LsnJson(table.followed_from)}};
}

Json TablesJson(const std::vector<AuditedTable>& tables) {
  Json list = Json::array();
  for (const AuditedTable& table : tables) list.push_back(TableJson(table));
  return list;
}

Json DifferenceJson(const AuditDifference& difference) {
  return {{"schema", difference.schema},
          {"table", difference.table},
          {"key", RowJson(difference.key)},
          {"source", RowJson(difference.source)},
          {"replicated", RowJson(difference.replicated)},
          {"xid", XidJson(difference.source_xid)},
          {"replicated_xid", XidJson(difference.replica_xid)},
          {"replicated_lsn", LsnJson(difference.replica_lsn)},
          {"checkpoint", LsnJson(difference.checkpoint)},
          {"misfit", TextJson(difference.misfit)}};
}

Json ResyncJson(const AuditResync& resync) {
  return {{"schema", TextJson(resync.schema)},
          {"table", TextJson(resync.table)},
          {"lsn", LsnJson(resync.lsn)},
          {"copied_at", LsnJson(resync.copied_at)},
          {"reason", resync.reason}};
}

Json ExcuseJson(const AuditExcuse& excuse) {
  Json json = {{"schema", excuse.schema},
               {"table", excuse.table},
               {"rows", excuse.rows},
               {"lsn", LsnJson(excuse.lsn)},
               {"reason", excuse.reason}};
  json["examples"] = Json::array();
  for (const AuditDifference& example : excuse.examples)
    json["examples"].push_back(DifferenceJson(example));
  return json;
}

Json ResultJson(const AuditResult& result) {
  Json json = {{"id", result.id},
               {"plugin", result.plugin},
               {"finished", result.finished},
               {"reason", TextJson(result.reason)},
               {"transactions", result.transactions},
               {"changes", result.changes},
               {"proven", result.proven},
               {"unread", UnprovenJson(result.unread)},
               {"sabotage", TextJson(result.sabotage)},
               {"joined", LsnJson(result.joined)},
               {"end_lsn", LsnJson(result.end_lsn)},
               {"checkpoints", result.checkpoints},
               {"rows_compared", result.rows_compared},
               {"skipped_checkpoints", result.skipped_checkpoints},
               {"skipped_reason", TextJson(result.skipped_reason)},
               {"difference_count", result.difference_count},
               {"projected", result.projected}};
  json["resyncs"] = Json::array();
  for (const AuditResync& resync : result.resyncs) json["resyncs"].push_back(ResyncJson(resync));
  json["excuses"] = Json::array();
  for (const AuditExcuse& excuse : result.excuses) json["excuses"].push_back(ExcuseJson(excuse));
  json["tables"] = TablesJson(result.tables);
  json["differences"] = Json::array();
  for (const AuditDifference& difference : result.differences)
    json["differences"].push_back(DifferenceJson(difference));
  return json;
}

// Names and values, in UTF-8. Two names that differ must not become one.
Json InUtf8(const Json& json) {
  if (json.is_string()) return Utf8(json.get_ref<const std::string&>());
  if (!json.is_structured()) return json;
  Json copy = json.is_array() ? Json::array() : Json::object();
  for (const auto& [key, value] : json.items()) {
    if (json.is_array()) {
      copy.push_back(InUtf8(value));
    } else {
      copy[Utf8(key)] = InUtf8(value);
    }
  }
  return copy;
}

std::string Dump(const Json& json) { return InUtf8(json).dump(2) + "\n"; }

// ---- and back: nlohmann's exceptions end here, in ParseAuditResult ----

std::string TextOf(const Json& json) { return json.is_null() ? "" : json.get<std::string>(); }

model::Lsn LsnOf(const Json& json) {
  return json.is_null() ? model::Lsn{} : model::ParseLsn(json.get<std::string>()).value();
}

model::Xid XidOf(const Json& json) { return {json.is_null() ? 0 : json.get<std::uint32_t>()}; }

std::optional<model::NamedTexts> RowOf(const Json& json) {
  if (json.is_null()) return std::nullopt;
  model::NamedTexts row;
  for (const auto& [column, text] : json.items()) {
    row.emplace_back(column,
                     text.is_null() ? std::nullopt : std::optional(text.get<std::string>()));
  }
  return row;
}

std::vector<UnprovenChanges> UnprovenOf(const Json& json) {
  std::vector<UnprovenChanges> list;
  for (const Json& one : json) {
    list.push_back({.changes = one.at("changes"),
                    .from = LsnOf(one.at("from")),
                    .to = LsnOf(one.at("to")),
                    .reason = one.at("reason")});
  }
  return list;
}

AuditedTable TableOf(const Json& json) {
  AuditedTable table{.schema = json.at("schema"), .name = json.at("table")};
  for (const TableStatus status :
       {TableStatus::kEqual, TableStatus::kExcluded, TableStatus::kDifferent}) {
    if (json.at("status") == ToString(status)) table.status = status;
  }
  if (table.status == TableStatus::kExcluded) {
    const auto kind = model::FindExclusionKind(json.at("reason_code").get<std::string>());
    table.why_excluded = kind.value_or(model::ExclusionKind::kUndecided);
  }
  table.reason = TextOf(json.at("reason"));
  table.rows = json.at("rows");
  table.changes = json.at("changes");
  table.proven = json.at("proven");
  table.unproven = UnprovenOf(json.at("unproven"));
  table.comparisons = json.at("comparisons");
  table.digest = model::ParseDigest(json.at("digest").get<std::string>()).value();
  table.followed_from = LsnOf(json.at("followed_from"));
  return table;
}

AuditDifference DifferenceOf(const Json& json) {
  return {.schema = json.at("schema"),
          .table = json.at("table"),
          .key = RowOf(json.at("key")).value_or(model::NamedTexts()),
          .source = RowOf(json.at("source")),
          .replicated = RowOf(json.at("replicated")),
          .source_xid = XidOf(json.at("xid")),
          .replica_xid = XidOf(json.at("replicated_xid")),
          .replica_lsn = LsnOf(json.at("replicated_lsn")),
          .checkpoint = LsnOf(json.at("checkpoint")),
          .misfit = TextOf(json.at("misfit"))};
}

AuditResync ResyncOf(const Json& json) {
  return {.schema = TextOf(json.at("schema")),
          .table = TextOf(json.at("table")),
          .lsn = LsnOf(json.at("lsn")),
          .copied_at = LsnOf(json.at("copied_at")),
          .reason = json.at("reason")};
}

AuditExcuse ExcuseOf(const Json& json) {
  AuditExcuse excuse{.schema = json.at("schema"),
                     .table = json.at("table"),
                     .rows = json.at("rows"),
                     .lsn = LsnOf(json.at("lsn")),
                     .reason = json.at("reason")};
  for (const Json& example : json.at("examples")) excuse.examples.push_back(DifferenceOf(example));
  return excuse;
}

AuditResult ResultOf(const Json& json) {
  AuditResult result{.id = json.at("id"),
                     .plugin = json.at("plugin"),
                     .finished = json.at("finished"),
                     .reason = TextOf(json.at("reason")),
                     .transactions = json.at("transactions"),
                     .changes = json.at("changes"),
                     .proven = json.at("proven"),
                     .unread = UnprovenOf(json.at("unread")),
                     .joined = LsnOf(json.at("joined")),
                     .end_lsn = LsnOf(json.at("end_lsn")),
                     .checkpoints = json.at("checkpoints"),
                     .rows_compared = json.at("rows_compared"),
                     .skipped_checkpoints = json.at("skipped_checkpoints"),
                     .skipped_reason = TextOf(json.at("skipped_reason")),
                     .difference_count = json.at("difference_count")};
  result.sabotage = TextOf(json.at("sabotage"));
  json.at("projected").get_to(result.projected);
  for (const Json& excuse : json.at("excuses")) result.excuses.push_back(ExcuseOf(excuse));
  for (const Json& resync : json.at("resyncs")) result.resyncs.push_back(ResyncOf(resync));
  for (const Json& table : json.at("tables")) result.tables.push_back(TableOf(table));
  for (const Json& difference : json.at("differences"))
    result.differences.push_back(DifferenceOf(difference));
  return result;
}

// The first difference of all, in the form that `run` has for it.
Json FirstDivergence(const AuditReport& report) {
  for (const AuditResult& auditor : report.auditors) {
    if (auditor.differences.empty()) continue;
    const AuditDifference& first = auditor.differences.front();
    Json json = {{"listener", auditor.id}};
    json.update(DifferenceJson(first));
    return json;
  }
  return nullptr;
}

}  // namespace

std::string AuditResultJson(const AuditResult& result) { return Dump(ResultJson(result)); }

Result<AuditResult> ParseAuditResult(std::string_view text) {
  try {
    return ResultOf(Json::parse(text));
  } catch (const std::exception& error) {
    return model::Fail(model::ErrorKind::kMalformed,
                       fmt::format("an auditor's result: {}", error.what()));
  }
}

std::string AuditReportJson(const AuditReport& report) {
  Json json = Json::object();
  json["verdict"] = report.error ? Json(nullptr) : Json(ToString(VerdictOf(report)));
  if (report.error) json["error"] = report.error->message;
  if (const std::string reason = ReasonOf(report); !report.error && !reason.empty())
    json["reason"] = reason;
  json["exit_code"] = static_cast<int>(ExitCodeOf(report));
  json["postgres_version"] = TextJson(report.postgres_version);
  json["command"] = TextJson(report.command);
  json["command_status"] = report.command_status ? Json(*report.command_status) : Json(nullptr);
  json["tables"] = TablesJson(MergeTables(report.auditors));
  json["not_judged"] = Json::object();
  for (const auto& [kind, count] : CountExclusions(report))
    json["not_judged"][std::string(model::CodeOf(kind))] = count;
  std::uint64_t rows_compared = 0;
  json["listeners"] = Json::array();
  for (const AuditResult& auditor : report.auditors) {
    json["listeners"].push_back(ResultJson(auditor));
    rows_compared += auditor.rows_compared;
  }
  json["waits"] = Json::array();
  for (const StatementWait& wait : report.waits) {
    json["waits"].push_back({{"statement", TextJson(wait.statement)},
                             {"table", TextJson(wait.table)},
                             {"count", wait.count},
                             {"total_s", wait.total_s},
                             {"longest_s", wait.longest_s}});
  }
  json["rows_compared"] = rows_compared;
  json["elapsed_s"] = report.elapsed_s;
  if (Json first = FirstDivergence(report); !report.error && !first.is_null())
    json["first_divergence"] = std::move(first);
  return Dump(json);
}

}  // namespace lockstep::report
