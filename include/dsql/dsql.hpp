/* dsql.hpp - what C++17 needs on top of <dsql/dsql.h>: parameters from a braced list.
 *
 *   dsql_query(conn, "SELECT $1 + $2", dsql::params{dsql_int8(40), dsql_int8(2)}, nullptr);
 *
 * The library copies parameters before a call returns, so a temporary list is enough. */
#ifndef DSQL_HPP
#define DSQL_HPP

#include <initializer_list>

#include "dsql/dsql.h"

namespace dsql {

class params {
public:
  params() = default;
  params(std::initializer_list<dsql_param> list) : view_{list.begin(), list.size()} {}
  operator dsql_params() const { return view_; }

private:
  dsql_params view_{nullptr, 0};
};

} // namespace dsql

#endif
