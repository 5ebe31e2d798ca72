#ifndef GRADUS_REWARD_H
#define GRADUS_REWARD_H
/*
 * A reward rule as a shared library: C, or any language that exports C functions.
 *
 *   recipe    [[rewards]]
 *             type = "library"
 *             file = "libmyrule.so"
 *   build     cc -shared -fPIC -O2 -I rewards/plugins myrule.c -o libmyrule.so
 *
 * The library is loaded in isolated processes, never in Gradus itself. It must export
 * gradus_reward_abi and gradus_reward_grade; gradus_reward_open is optional. Calls come from one
 * thread. The same samples must give the same grades.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GRADUS_REWARD_ABI 1
#define GRADUS_REASON_BYTES 256

#if defined(__GNUC__)
#define GRADUS_EXPORT __attribute__((visibility("default")))
#else
#define GRADUS_EXPORT
#endif

/* UTF-8; data[size] is 0. Valid during the call. */
typedef struct gradus_text {
  const char* data;
  size_t size;
} gradus_text;

typedef struct gradus_sample {
  gradus_text prompt;       /* as rendered */
  gradus_text messages;     /* the chat prompt as a JSON list, or "null" */
  gradus_text completion;   /* what the model wrote */
  gradus_text row;          /* the data row as a JSON object, or "null" */
  const int32_t* token_ids; /* of the completion */
  size_t num_tokens;
  int is_truncated; /* ended by the length limit */
} gradus_sample;

enum {
  GRADUS_SCORED = 0,  /* value counts; it must be finite */
  GRADUS_SKIPPED = 1, /* the rule has nothing to say of this completion */
  GRADUS_FAILED = 2   /* it cannot be graded; reason says why */
};

typedef struct gradus_grade {
  double value;
  int outcome;
  char reason[GRADUS_REASON_BYTES]; /* UTF-8, ends with 0; may be empty */
} gradus_grade;

/* GRADUS_REWARD_ABI of the header that the library was built with. */
GRADUS_EXPORT int gradus_reward_abi(void);

/* Optional: called once, before any grade, with the recipe's `options` as JSON. 0: ready; else
 * reason says why not, and the run does not start. */
GRADUS_EXPORT int gradus_reward_open(const char* options, char reason[GRADUS_REASON_BYTES]);

/* Grades `count` samples: one, or with batch = true in the recipe all completions of a prompt.
 * Every grade is GRADUS_FAILED until the library sets it. */
GRADUS_EXPORT void gradus_reward_grade(const gradus_sample* samples, size_t count,
                                       gradus_grade* grades);

#ifdef __cplusplus
}
#endif
#endif /* GRADUS_REWARD_H */
