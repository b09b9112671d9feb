// Makes the tables of a run from the seed.
//
// Table 0 is the session table. Four to six others follow, whose primary keys always include a
// single integer, a composite, a uuid and a text; their other columns together cover every type
// that value_maker.h knows, in an order, number and nullability that the seed chooses. Some names
// need quoting. The replica identities DEFAULT, FULL and INDEX and stored generated columns occur
// in every catalog. One or two tables belong to one session, which may truncate them.
#ifndef LOCKSTEP_GENERATOR_CATALOG_MAKER_H_
#define LOCKSTEP_GENERATOR_CATALOG_MAKER_H_

#include <cstdint>
#include <string>

#include "model/catalog.h"

namespace lockstep::generator {

struct CatalogOptions {
  std::string schema = "lockstep";  // has no influence on anything but the relations' schema
  std::uint32_t sessions = 4;       // has an influence on the owners of tables only
};

model::Catalog MakeCatalog(std::uint64_t seed, const CatalogOptions& options);

}  // namespace lockstep::generator

#endif  // LOCKSTEP_GENERATOR_CATALOG_MAKER_H_
