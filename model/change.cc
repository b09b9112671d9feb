#include "model/change.h"

#include <type_traits>

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

}  // namespace lockstep::model
