#include "net/error_text.h"

#include <uv.h>

const char *error_text(int os_error, char out[ERROR_TEXT_SIZE]) {
  return uv_strerror_r(uv_translate_sys_error(os_error), out, ERROR_TEXT_SIZE);
}
