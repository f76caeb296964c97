/* Ways to execute a program that hide what it is, for a process that is about to end by it. */
#ifndef TESTS_HIDDEN_CALLS_H
#define TESTS_HIDDEN_CALLS_H

/* How many words run_with_many puts in front of the last. */
#define HIDDEN_CALLS_MANY 8000

/* Opens the program as the descriptor by which some of them name it. -1 and errno. */
int hidden_calls_open(void);

/* Each executes /bin/true with the argument "stop", or what its name says. The errno, when it could
 * not. */
typedef int hidden_call(void);
hidden_call run_plain, run_harmless, run_missing, run_descriptor, run_thread_descriptor,
    run_dev_descriptor, run_bare_descriptor, run_in_proc, run_link, run_dangling, run_below_file,
    run_loop, run_itself, run_hidden, run_with_unread_argument, run_with_unread_path,
    run_with_kernel_page, run_with_many;

#endif
