#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

bool cli_list_add(struct cli_list *list, const char *item) {
    const char **grown = realloc(list->items, (size_t)(list->count + 1) * sizeof *grown);
    if (!grown) return false;
    list->items = grown;
    list->items[list->count++] = item;
    return true;
}

int cli_usage_error(const struct cli_command *command, const char *format, ...) {
    va_list list;
    va_start(list, format);
    fputs("simba: ", stderr);
    vfprintf(stderr, format, list);
    va_end(list);
    fprintf(stderr, "\nTry: simba %s%s--help\n", command ? command->name : "", command ? " " : "");
    return CLI_USAGE;
}

static void help(const struct cli_command *command, const struct cli_option *options) {
    printf("%s\n\nUsage: simba %s %s%s[options]\n\nOptions:\n", command->summary, command->name, command->operands,
           command->operands[0] ? " " : "");
    for (const struct cli_option *option = options; option->name; option++) {
        char left[64];
        const char letter[] = {'-', option->letter, ',', ' ', '\0'};
        snprintf(left, sizeof left, "%s--%s%s%s", option->letter ? letter : "", option->name,
                 option->argument ? " " : "", option->argument ? option->argument : "");
        printf("  %-24s %s\n", left, option->help);
    }
    printf("  %-24s %s\n", "--help", "this text");
    if (command->details) printf("\n%s", command->details);
}

static int unknown(const struct cli_command *command, const struct cli_option *options, const char *name) {
    const char *names[64] = {"help"};
    int count = 1;
    for (const struct cli_option *option = options; option->name && count < 63; option++) names[count++] = option->name;
    names[count] = NULL;
    const char *near = simba_nearest_word(name, names);
    if (near) return cli_usage_error(command, "unknown option --%s; did you mean --%s?", name, near);
    return cli_usage_error(command, "unknown option --%s", name);
}

static bool set(const struct cli_command *command, const struct cli_option *option, const char *value, int *exit_code) {
    if (option->text) *option->text = value;
    if (option->list && !cli_list_add(option->list, value)) {
        fputs("simba: out of memory\n", stderr);
        *exit_code = CLI_FAILED;
        return false;
    }
    if (option->integer || option->number) {
        char *end;
        errno = 0;
        long long number = strtoll(value, &end, 10);
        long long largest = option->integer ? INT32_MAX : INT64_MAX;
        if (end == value || *end || errno || number < option->minimum || number > largest) {
            *exit_code = cli_usage_error(command, "--%s: expected a whole number of at least %d, found \"%s\"",
                                         option->name, option->minimum, value);
            return false;
        }
        if (option->integer) *option->integer = (int)number;
        if (option->number) *option->number = (uint64_t)number;
    }
    return true;
}

bool cli_options_read(const struct cli_command *command, const struct cli_option *options, int count, char **words,
                      struct cli_list *operands, int *exit_code) {
    bool only_operands = false;
    for (int i = 0; i < count; i++) {
        const char *word = words[i];
        if (only_operands || word[0] != '-' || !word[1]) {
            if (!cli_list_add(operands, word)) return *exit_code = CLI_FAILED, false;
            continue;
        }
        if (!strcmp(word, "--")) {
            only_operands = true;
            continue;
        }
        if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
            help(command, options);
            return *exit_code = CLI_DONE, false;
        }
        char name[64];
        const char *start = word + strspn(word, "-"), *equals = strchr(start, '=');
        snprintf(name, sizeof name, "%.*s", (int)(equals ? equals - start : (long)strlen(start)), start);
        const struct cli_option *option = options;
        const bool letter = word[1] != '-' && !word[2];
        while (option->name && (letter ? option->letter != word[1] : strcmp(option->name, name) != 0)) option++;
        if (!option->name || (!letter && strncmp(word, "--", 2) != 0))
            return *exit_code = unknown(command, options, name), false;
        if (!option->argument) {
            if (equals)
                return *exit_code = cli_usage_error(command, "--%s takes no value, found \"%s\"", name, equals + 1),
                       false;
            *option->flag = true;
            continue;
        }
        const char *value = equals ? equals + 1 : i + 1 < count ? words[++i] : NULL;
        if (!value)
            return *exit_code = cli_usage_error(command, "--%s needs a value: --%s %s", option->name, option->name,
                                                option->argument),
                   false;
        if (!set(command, option, value, exit_code)) return false;
    }
    return true;
}

static void print_log(void *user, enum simba_log_level level, const char *message) {
    (void)user;
    fprintf(stderr, "simba: %s%s\n", level == SIMBA_LOG_WARNING ? "warning: " : "", message);
}

struct simba_log cli_log(bool verbose) {
    return (struct simba_log){.function = print_log, .level = verbose ? SIMBA_LOG_DEBUG : SIMBA_LOG_WARNING};
}

struct simba_device *cli_device_open(const struct cli_device *options, struct simba_error *error) {
    return simba_device_open(&(struct simba_device_options){.choice = options->choice,
                                                            .disable = options->disable,
                                                            .quirks = options->quirks,
                                                            .validate = options->validate,
                                                            .no_cache = options->no_cache,
                                                            .log = cli_log(options->verbose)},
                             error);
}
