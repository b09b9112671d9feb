#include "model/change.h"

#include <type_traits>

#include "model/overloaded.h"

namespace lockstep::model {

const RelationPtr& RelationOf(const Change& change) {
  static const RelationPtr kNone;
  return std::visit(
      [](const auto& c) -> const RelationPtr& {
        if constexpr (std::is_same_v<std::decay_t<decltype(c)>, LogicalMessage>) {
          return kNone;
        } else {
          return c.relation;
        }
      },
      change);
}

std::size_t BytesOf(const Change& change) {
  return sizeof(Change) +
         std::visit(Overloaded{
                        [](const Insert& insert) { return insert.row.bytes().size(); },
                        [](const Update& update) {
                          return update.row.bytes().size() +
                                 (update.old_row ? update.old_row->bytes().size() : 0);
                        },
                        [](const Delete& erase) { return erase.old_row.bytes().size(); },
                        [](const Truncate&) { return std::size_t{0}; },
                        [](const LogicalMessage& message) {
                          return message.prefix.size() + message.content.size();
                        },
                    },
                    change);
}

std::size_t BytesOf(const Transaction& transaction) {
  std::size_t bytes = sizeof(Transaction);
  for (const Change& change : transaction.changes) bytes += BytesOf(change);
  return bytes;
}

}  // namespace lockstep::model
