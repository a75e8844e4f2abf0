/* list_store.c - the entries of a list, packed: 10^7 of them stay in memory for as long as
 * a run takes, in every process of it. What an entry does not say costs nothing; a
 * path is its folder, which is there once, and its name; an id that comes from the path is
 * made when it is asked for. Each is a head, the numbers it has, and its texts. */
#include "corpus/list_parts.h"

#include <string.h>

enum { FIRST_BYTES = 1 << 16, UNIT = 4 }; /* entries begin at whole units, so that 32 bits say where */
enum { HAS_OFFSET = 1, HAS_START = 2, HAS_END = 4, HAS_DURATION = 8, HAS_ID = 16, HAS_SPEAKER = 32, HAS_PROBLEM = 64, HAS_COLUMNS = 128 };

typedef struct {
    uint32_t line, folder; /* folder: its index + 1; 0: none */
    int16_t channel;
    uint8_t kind, has;
} head;

/* ---- folders ---- */

static const char *folder_at(const void *context, size_t i) { return ((const struct sty_list_store *)context)->folders[i]; }

static sty_status more_folders(struct sty_list_store *store, sty_err *err) {
    const size_t room = store->n_room ? store->n_room * 2 : 64;
    const char **moved = sty_pages(store->folders, store->n_room * sizeof *moved, room * sizeof *moved);
    if (!moved) return sty_err_no_memory(err, room * sizeof *moved, "a list");
    store->folders = moved;
    store->n_room = room;
    sty_text_index_clear(&store->folder_index);
    if (!sty_text_index_begin(&store->folder_index, room, folder_at, store)) return sty_err_no_memory(err, room, "a list");
    for (size_t i = 0; i < store->n_folders; i++)
        sty_text_index_put(&store->folder_index, store->folders[i], i);
    return STY_OK;
}

/* The index + 1 of the first n bytes of path, as a rule the folder of the entry before. */
static sty_status find_folder(sty_list *list, const char *path, size_t n, uint32_t *found, sty_err *err) {
    struct sty_list_store *store = &list->store;
    *found = 0;
    if (n == 0) return STY_OK;
    if (store->n_folders == store->n_room) STY_TRY(more_folders(store, err));
    char *copy = sty_texts_put(&list->texts, path, n);
    if (!copy) return sty_err_no_memory(err, n, "a list");
    size_t at = sty_text_index_put(&store->folder_index, copy, (size_t)-1);
    if (at == (size_t)-1) {
        at = store->n_folders;
        store->folders[at] = sty_texts_put(&store->texts, path, n);
        if (!store->folders[at]) return sty_err_no_memory(err, n, "a list");
        store->n_folders++;
        sty_text_index_put(&store->folder_index, copy, at);
    }
    *found = (uint32_t)(at + 1);
    return STY_OK;
}

/* ---- packing ---- */

static void put_number(sty_buf *out, head *h, int which, const void *number, bool is) {
    if (!is) return;
    h->has |= (uint8_t)which;
    sty_buf_put(out, number, 8);
}

static void put_text(sty_buf *out, head *h, int which, const char *text) {
    if (!text) return;
    h->has |= (uint8_t)which;
    sty_buf_put(out, text, strlen(text) + 1);
}

static sty_status pack(sty_list *list, const sty_entry *e, sty_buf *out, sty_err *err) {
    const char *slash = strrchr(e->path, '/');
    const size_t n_folder = slash ? (size_t)(slash - e->path) + 1 : 0, n_path = strlen(e->path), n_id = e->id ? strlen(e->id) : 0;
    head h = {.line = e->line, .channel = e->channel, .kind = (uint8_t)e->kind};
    STY_TRY(find_folder(list, e->path, n_folder, &h.folder, err));
    sty_buf_put(out, &h, sizeof h);
    put_number(out, &h, HAS_OFFSET, &e->offset, e->offset != 0);
    put_number(out, &h, HAS_START, &e->start_s, e->start_s < 0 || e->start_s > 0);
    put_number(out, &h, HAS_END, &e->end_s, e->end_s < 0 || e->end_s > 0);
    put_number(out, &h, HAS_DURATION, &e->duration_s, e->duration_s < 0 || e->duration_s > 0);
    sty_buf_put(out, e->path + n_folder, n_path - n_folder + 1);
    put_text(out, &h, HAS_ID, e->id);
    put_text(out, &h, HAS_SPEAKER, e->speaker);
    put_text(out, &h, HAS_PROBLEM, e->problem);
    for (size_t c = 0; e->columns && c < list->n_columns; c++) {
        h.has |= HAS_COLUMNS;
        sty_buf_put(out, e->columns[c] ? "=" : "", 1);
        put_text(out, &h, HAS_COLUMNS, e->columns[c]);
    }
    sty_buf_put(out, "\0\0\0", (UNIT - out->length % UNIT) % UNIT);
    if (out->failed) return sty_err_no_memory(err, n_path, "a list");
    memcpy(out->data, &h, sizeof h);
    if (n_path + n_id > list->store.longest) list->store.longest = n_path + n_id;
    return STY_OK;
}

/* Room for n bytes in pages that grow by halves. */
static void *with_room(void *pages, size_t *have, size_t n) {
    size_t larger = *have ? *have : FIRST_BYTES;
    if (n <= *have) return pages;
    while (larger < n)
        larger += larger / 2;
    void *moved = sty_pages(pages, *have, larger);
    if (moved) *have = larger;
    return moved;
}

sty_status sty_list_put(sty_list *list, size_t i, const sty_entry *entry, sty_err *err) {
    struct sty_list_store *store = &list->store;
    sty_buf *const packed = &store->packed; /* first, for entry may point to what moves */
    packed->length = 0;
    sty_status status = pack(list, entry, packed, err);
    uint32_t *at = with_room(store->at, &store->n_pages_at, (i + 1) * sizeof *at);
    if (at) store->at = at;
    unsigned char *bytes = with_room(store->bytes, &store->n_pages_bytes, store->n_bytes + packed->length);
    if (bytes) store->bytes = bytes;
    if (status == STY_OK && store->n_bytes / UNIT > UINT32_MAX) status = sty_err_set(err, STY_BAD_ARGUMENT, "a list of more than 16 GiB");
    if (status == STY_OK && (!at || !bytes)) status = sty_err_no_memory(err, store->n_bytes, "a list");
    if (status == STY_OK) {
        memcpy(bytes + store->n_bytes, packed->data, packed->length);
        at[i] = (uint32_t)(store->n_bytes / UNIT);
        store->n_bytes += packed->length;
        if (i == list->n) list->n++;
    }
    return status;
}

void sty_list_store_empty(struct sty_list_store *store) {
    store->n_bytes = store->longest = 0;
    if (store->n_folders) memset(store->folder_index.slots, 0, (store->folder_index.mask + 1) * sizeof *store->folder_index.slots);
    store->n_folders = 0;
    sty_texts_empty(&store->texts);
}

void sty_list_store_clear(struct sty_list_store *store) {
    sty_pages(store->bytes, store->n_pages_bytes, 0);
    sty_pages(store->at, store->n_pages_at, 0);
    sty_pages(store->folders, store->n_room * sizeof *store->folders, 0);
    sty_text_index_clear(&store->folder_index);
    sty_texts_clear(&store->texts);
    sty_buf_clear(&store->packed);
    memset(store, 0, sizeof *store);
}

/* ---- unpacking ---- */

static void get_number(const unsigned char **at, const head *h, int which, void *number) {
    memset(number, 0, 8);
    if (!(h->has & which)) return;
    memcpy(number, *at, 8);
    *at += 8;
}

static const char *get_text(const unsigned char **at, const head *h, int which) {
    const char *text = (const char *)*at;
    if (which && !(h->has & which)) return NULL;
    *at += strlen(text) + 1;
    return text;
}

/* The head, with the numbers behind it taken into entry; the name is next. */
static const unsigned char *get_numbers(const sty_list *list, size_t i, head *h, sty_entry *entry) {
    const unsigned char *at = list->store.bytes + (size_t)list->store.at[i] * UNIT;
    memcpy(h, at, sizeof *h);
    at += sizeof *h;
    get_number(&at, h, HAS_OFFSET, &entry->offset);
    get_number(&at, h, HAS_START, &entry->start_s);
    get_number(&at, h, HAS_END, &entry->end_s);
    get_number(&at, h, HAS_DURATION, &entry->duration_s);
    entry->line = h->line;
    entry->channel = h->channel;
    entry->kind = h->kind;
    return at;
}

bool sty_listed_begin(sty_listed *listed, const sty_list *list) {
    enum { TIMES = 256 }; /* behind a path in an id: an offset and two times, with room to print them */
    sty_buf *const bufs[] = {&listed->path, &listed->id};
    for (size_t i = 0; i < STY_COUNT(bufs); i++) {
        bufs[i]->length = 0;
        if (!sty_buf_extend(bufs[i], list->store.longest + TIMES)) return false;
    }
    return true;
}

void sty_listed_clear(sty_listed *listed) {
    sty_buf_clear(&listed->path);
    sty_buf_clear(&listed->id);
}

const sty_entry *sty_list_at(const sty_list *list, size_t i, sty_listed *listed) {
    sty_entry *e = &listed->entry;
    head h;
    const unsigned char *at = get_numbers(list, i, &h, e);
    e->path = get_text(&at, &h, 0);
    e->id = get_text(&at, &h, HAS_ID);
    e->speaker = get_text(&at, &h, HAS_SPEAKER);
    e->problem = get_text(&at, &h, HAS_PROBLEM);
    e->columns = h.has & HAS_COLUMNS ? listed->columns : NULL;
    for (size_t c = 0; e->columns && c < list->n_columns; c++)
        listed->columns[c] = *at++ ? get_text(&at, &h, HAS_COLUMNS) : NULL;
    if (h.folder) {
        listed->path.length = 0;
        sty_buf_text(&listed->path, list->store.folders[h.folder - 1]);
        sty_buf_put(&listed->path, e->path, strlen(e->path) + 1);
        e->path = listed->path.data;
    }
    if (!e->id && list->finished) {
        listed->id.length = 0;
        sty_list_path_id(list, e, &listed->id);
        sty_buf_put(&listed->id, "", 1);
        e->id = listed->id.data;
    }
    return e;
}

const char *sty_list_folder(const sty_list *list, size_t i) {
    head h;
    memcpy(&h, list->store.bytes + (size_t)list->store.at[i] * UNIT, sizeof h);
    if (h.kind != STY_SOURCE_FILE && h.kind != STY_SOURCE_ARK) return NULL;
    return h.folder ? list->store.folders[h.folder - 1] : "";
}

bool sty_list_same_source(const sty_list *list, size_t i, size_t k) {
    sty_entry a, b;
    head of_a, of_b;
    const char *name_a = (const char *)get_numbers(list, i, &of_a, &a), *name_b = (const char *)get_numbers(list, k, &of_b, &b);
    return a.kind == b.kind && a.offset == b.offset && a.kind != STY_SOURCE_BAD && a.kind != STY_SOURCE_STDIN &&
           of_a.folder == of_b.folder && strcmp(name_a, name_b) == 0;
}
