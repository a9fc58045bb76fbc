/* Runs LLVMFuzzerTestOneInput() once on every file of the directories and files named on the command line. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path) {
  struct stat st;
  FILE *f = fopen(path, "rb");
  uint8_t *data;
  size_t size;

  if (!f || fstat(fileno(f), &st)) {
    perror(path);
    if (f) fclose(f);
    return -1;
  }
  size = (size_t)st.st_size;
  data = malloc(size ? size : 1); /* exact, so that a read past the end is found */
  if (!data || fread(data, 1, size, f) != size) {
    fprintf(stderr, "%s: cannot read\n", path);
    free(data);
    fclose(f);
    return -1;
  }
  fclose(f);
  (void)LLVMFuzzerTestOneInput(data, size);
  free(data);
  return 1;
}

static int replay_directory(const char *path) {
  char name[4096];
  int done = 0;
  const struct dirent *entry;
  DIR *dir = opendir(path);

  if (!dir) {
    perror(path);
    return -1;
  }
  while ((entry = readdir(dir)) != NULL) {
    if (entry->d_name[0] == '.') continue;
    int length = snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    if (length < 0 || (size_t)length >= sizeof name || replay_file(name) < 0) {
      closedir(dir);
      return -1;
    }
    done++;
  }
  closedir(dir);
  return done;
}

int main(int argc, char **argv) {
  int total = 0;

  for (int i = 1; i < argc; i++) {
    struct stat st;
    bool is_directory = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode);
    int done = is_directory ? replay_directory(argv[i]) : replay_file(argv[i]);
    if (done < 0) return 1;
    total += done;
  }
  printf("%d inputs replayed\n", total);
  return total > 0 ? 0 : 1;
}
