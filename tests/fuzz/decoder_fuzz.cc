// An output plugin's decoder on the payloads of one connection: each is an event or a typed error
// that says something, and every row has the columns of its table, readable and printable.
// LOCKSTEP_FUZZED_PLUGIN names the plugin (fuzz.bzl).
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "model/change.h"
#include "model/relation.h"
#include "model/row.h"
#include "model/text_form.h"
#include "model/type_catalog.h"
#include "model/value.h"
#include "replication/decoder.h"
#include "replication/frames.h"
#include "replication/make_decoder.h"
#include "replication/relation_map.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/replication/captured_stream.h"

namespace lockstep::fuzz {
namespace {

using model::Row;

void CheckRow(const model::Relation& relation, const Row& row) {
  Require(Row::FromCanonical(std::string(row.bytes()), relation.columns.size()).has_value(),
          "a row is the canonical bytes of its table's columns");
  std::size_t i = 0;
  for (const model::Cell cell : row) (void)model::Describe(relation.columns[i++].type, cell);
}

void CheckChange(const model::Change& change) {
  if (std::holds_alternative<model::LogicalMessage>(change)) return;
  const model::Relation& relation = *RelationOf(change);
  if (const auto* insert = std::get_if<model::Insert>(&change)) {
    CheckRow(relation, insert->row);
    for (const model::Cell cell : insert->row) {
      Require(std::holds_alternative<model::Value>(cell) ||
                  std::holds_alternative<model::NotSent>(cell),
              "an inserted row has all that is sent");
    }
  }
  if (const auto* update = std::get_if<model::Update>(&change)) {
    CheckRow(relation, update->row);
    if (update->old_row) CheckRow(relation, *update->old_row);
  }
  if (const auto* erase = std::get_if<model::Delete>(&change)) CheckRow(relation, erase->old_row);
}

std::unique_ptr<replication::Decoder> NewDecoder() {
  static const auto* relations =
      new std::vector<model::RelationPtr>(replication::CapturedRelations());
  static const auto* types = new model::TypeCatalogPtr(replication::CapturedTypes());
  auto decoder = replication::MakeDecoder({.name = LOCKSTEP_FUZZED_PLUGIN, .publications = {"all"}},
                                          replication::RelationMap(*relations, *types));
  Require(decoder.has_value(), "there is a decoder for " LOCKSTEP_FUZZED_PLUGIN);
  return std::move(*decoder);
}

}  // namespace
}  // namespace lockstep::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lockstep;
  const auto decoder = fuzz::NewDecoder();
  fuzz::FuzzInput input(data, size);
  while (const auto payload = input.NextMessage()) {
    const auto event =
        decoder->Decode({model::Lsn{1}, model::Lsn{1}, {payload->data(), payload->size()}});
    if (!event) {
      fuzz::Require(!event.error().message.empty(), "an error has a message");
    } else if (const auto* change = std::get_if<replication::ChangeEvent>(&*event)) {
      fuzz::CheckChange(change->change);
    }
  }
  return 0;
}
