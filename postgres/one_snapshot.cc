#include "postgres/one_snapshot.h"

#include <postgresql/libpq-fe.h>

#include "postgres/libpq_access.h"

namespace lockstep::postgres {

bool InTransaction(const Connection& connection) {
  return PQtransactionStatus(LibpqAccess::Handle(connection)) != PQTRANS_IDLE;
}

}  // namespace lockstep::postgres
