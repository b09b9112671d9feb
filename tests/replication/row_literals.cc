#include "tests/replication/row_literals.h"

#include <fmt/format.h>

#include <variant>

#include "model/overloaded.h"

namespace lockstep::replication {

model::Row RowOf(std::initializer_list<model::Cell> cells) {
  model::RowBuilder builder;
  for (const model::Cell& cell : cells) builder.Add(cell);
  return builder.Build();
}

model::Row WithCell(const model::Row& row, std::size_t column, const model::Cell& cell) {
  model::RowBuilder builder;
  std::size_t i = 0;
  for (const model::Cell old : row) builder.Add(i++ == column ? cell : old);
  return builder.Build();
}

}  // namespace lockstep::replication

namespace lockstep::model {
namespace {

std::string Escaped(std::string_view bytes) {
  std::string out;
  for (char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F) {
      out.push_back(c);
    } else {
      out += fmt::format("\\x{:02x}", byte);
    }
  }
  return out;
}

std::string Show(const Value& value) {
  return std::visit(
      Overloaded{
          [](Null) { return std::string("null"); },
          [](bool v) { return fmt::format("Bool({})", v); },
          [](std::int64_t v) { return fmt::format("Int({})", v); },
          [](double v) { return fmt::format("Float({})", v); },
          [](Numeric v) { return fmt::format("Num({})", v.text); },
          [](Text v) { return fmt::format("Txt({})", Escaped(v.text)); },
          [](Bytes v) { return fmt::format("Byt({})", Escaped(v.bytes)); },
          [](Date v) { return fmt::format("Day({})", v.days); },
          [](Time v) { return fmt::format("Clock({})", v.micros); },
          [](Timestamp v) { return fmt::format("Stamp({})", v.micros); },
          [](const Uuid& v) {
            return fmt::format("Uuid({})",
                               Escaped({reinterpret_cast<const char*>(v.bytes.data()), sizeof v}));
          },
          [](Other v) { return fmt::format("Oth({}: {})", v.type_name, Escaped(v.text)); },
      },
      value);
}

}  // namespace

std::string Show(const Row& row) {
  std::string out = "{";
  for (const Cell cell : row) {
    if (out.size() > 1) out += ", ";
    out += std::visit(Overloaded{
                          [](const Value& value) { return Show(value); },
                          [](Unchanged) { return std::string("unchanged"); },
                          [](NotInIdentity) { return std::string("not in identity"); },
                          [](NotSent) { return std::string("not sent"); },
                      },
                      cell);
  }
  return out + "}";
}

void PrintTo(const Row& row, std::ostream* out) { *out << Show(row); }

void PrintTo(const Insert& insert, std::ostream* out) {
  *out << "INSERT " << insert.relation->QualifiedName() << " " << Show(insert.row);
}

void PrintTo(const Update& update, std::ostream* out) {
  *out << "UPDATE " << update.relation->QualifiedName() << " "
       << (update.old_row ? Show(*update.old_row) : std::string("-")) << " to " << Show(update.row);
}

void PrintTo(const Delete& erase, std::ostream* out) {
  *out << "DELETE " << erase.relation->QualifiedName() << " " << Show(erase.old_row);
}

}  // namespace lockstep::model
