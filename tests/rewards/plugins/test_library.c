/* A rule with every fault a library can have; the completion says which. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gradus_reward.h"

static double plus = 0;

int gradus_reward_abi(void) {
  return GRADUS_REWARD_ABI;
}

int gradus_reward_open(const char* options, char reason[GRADUS_REASON_BYTES]) {
  const char* at = strstr(options, "\"plus\":");
  if (at) plus = atof(at + 7);
  if (!strstr(options, "refuse")) return 0;
  strcpy(reason, "as told");
  return 1;
}

static void grade(const gradus_sample* s, gradus_grade* g) {
  const char* text = s->completion.data;
  if (!strcmp(text, "ungraded")) return;
  g->outcome = GRADUS_SCORED;
  g->value = plus + (double)s->completion.size;
  if (!strcmp(text, "crash")) *(volatile int*)8 = 1;
  if (!strcmp(text, "skip")) g->outcome = GRADUS_SKIPPED;
  if (!strcmp(text, "nan")) g->value = NAN;
  if (!strcmp(text, "chat")) g->value = plus + (double)s->messages.size;
  if (!strcmp(text, "row")) g->value = plus + (double)s->row.size;
  if (!strcmp(text, "ids")) g->value = plus + s->token_ids[0] + s->token_ids[s->num_tokens - 1];
  if (!strcmp(text, "fail")) {
    g->outcome = GRADUS_FAILED;
    strcpy(g->reason, "this one failed");
  }
}

void gradus_reward_grade(const gradus_sample* samples, size_t count, gradus_grade* grades) {
  for (size_t i = 0; i < count; ++i) grade(&samples[i], &grades[i]);
}
