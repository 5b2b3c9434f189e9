/* explain.c - `explain`: the page of a code, or the list of all. */
#include "cli.h"

#include <string.h>

#define TEXT_COLUMNS_MAX 96 /* Longer lines are hard to read, however wide the terminal. */

static unsigned text_columns(void)
{
    unsigned width = fl__terminal_width();
    return width < TEXT_COLUMNS_MAX ? width : TEXT_COLUMNS_MAX;
}

static int list_codes(void)
{
    for (const struct fl_explanation *page = fl__explanation_after(0); page != NULL;
         page = fl__explanation_after(page->code))
        printf("FL%u  %-11s  %s\n", (unsigned)page->code, page->word, page->title);
    printf("\nfairlead explain CODE says what one means, how it comes about and what to do.\n");
    return FL__EXIT_OK;
}

/* FL3001, fl3001 or 3001. */
static bool read_code(const char *text, uint64_t *code)
{
    bool has_letters = (text[0] == 'F' || text[0] == 'f') && (text[1] == 'L' || text[1] == 'l');
    return fl__value_count(text + (has_letters ? 2 : 0), code) && *code <= UINT32_MAX;
}

static void print_page(const struct fl_explanation *page)
{
    const unsigned width = text_columns();
    printf("FL%u: %s\n", (unsigned)page->code, page->title);
    if (fl_explain(page->code) != NULL)
        printf("To Redis clients: -%s ... [FL%u]\n", page->word, (unsigned)page->code);
    printf("\n");
    fl__print_wrapped(stdout, page->meaning, 0, width);
    printf("\nWhy\n");
    fl__print_wrapped(stdout, page->why, 2, width);
    printf("\nWhat to do\n");
    fl__print_wrapped(stdout, page->remedy, 2, width);
}

int fl__run_explain(const struct fl__call *call)
{
    uint64_t code;
    if (call->argument_count == 0)
        return list_codes();
    const struct fl_explanation *page =
        read_code(call->arguments[0], &code) ? fl__explanation((uint32_t)code) : NULL;
    if (page == NULL) {
        fl__say_error(FL__CODE_USAGE, "there is no code \"%s\"", call->arguments[0]);
        fl__say_fact("do", "fairlead explain lists all codes; in a message they are in brackets: [FL3001]");
        return FL__EXIT_USAGE;
    }
    print_page(page);
    return FL__EXIT_OK;
}
