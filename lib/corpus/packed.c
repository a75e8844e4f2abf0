/* packed.c - a fixed head, then texts (length, bytes, NUL), then arrays. */
#include "corpus/packed.h"

#include <string.h>

enum { NO_TEXT = -1 };

typedef struct {
    uint32_t size; /* of the record, in all */
    int32_t status, channel, rate_hz;
    double start_s, duration_s, left_out_s;
    uint64_t n_frames, n_pieces, n_padded;
    uint16_t n_notes, n_columns, n_fields, reserved;
} head;

typedef struct {
    int32_t rank;
    uint32_t dim[STY_MAX_RANK];
} shape;

_Static_assert(sizeof(head) % 8 == 0 && sizeof(shape) % 8 == 0, "arrays stay aligned");

static void put_text(sty_buf *out, const char *text) {
    const int32_t n = text ? (int32_t)strlen(text) : NO_TEXT;
    sty_buf_put(out, &n, sizeof n);
    if (text) sty_buf_put(out, text, (size_t)n + 1);
}

static void pad(sty_buf *out, size_t from) {
    static const char zeros[8];
    sty_buf_put(out, zeros, (8 - (out->length - from) % 8) % 8);
}

static size_t count_of(const sty_view *view) {
    size_t n = 1;
    for (int d = 0; d < view->rank; d++)
        n *= view->dim[d];
    return n;
}

void sty_pack_record(const sty_record *record, sty_buf *out) {
    const size_t from = out->length;
    head h;
    memset(&h, 0, sizeof h);
    h.status = (int32_t)record->status;
    h.channel = record->channel;
    h.rate_hz = record->rate_hz;
    h.start_s = record->start_s;
    h.duration_s = record->duration_s;
    h.left_out_s = record->left_out_s;
    h.n_frames = record->n_frames;
    h.n_pieces = record->n_pieces;
    h.n_padded = record->n_padded;
    h.n_notes = (uint16_t)(record->n_notes < STY_MAX_NOTES ? record->n_notes : STY_MAX_NOTES);
    h.n_columns = (uint16_t)(record->n_columns < STY_MAX_COLUMNS ? record->n_columns : STY_MAX_COLUMNS);
    h.n_fields = (uint16_t)record->n_fields;
    sty_buf_put(out, &h, sizeof h);
    put_text(out, record->id);
    put_text(out, record->path);
    put_text(out, record->input);
    put_text(out, record->series);
    put_text(out, record->speaker);
    put_text(out, record->message);
    for (size_t i = 0; i < h.n_notes; i++)
        put_text(out, record->notes[i]);
    for (size_t i = 0; i < h.n_columns; i++)
        put_text(out, record->columns ? record->columns[i] : NULL);
    pad(out, from);
    for (size_t i = 0; i < h.n_fields; i++) {
        const sty_view *view = &record->fields[i].view;
        shape s = {.rank = view->rank};
        for (int d = 0; d < view->rank; d++)
            s.dim[d] = (uint32_t)view->dim[d];
        sty_buf_put(out, &s, sizeof s);
        sty_buf_put(out, view->data, count_of(view) * sizeof(float));
        pad(out, from);
    }
    if (out->failed) return;
    h.size = (uint32_t)(out->length - from);
    memcpy(out->data + from, &h, sizeof h);
}

typedef struct {
    const char *bytes;
    size_t at, end;
} reader;

static bool get_text(reader *r, const char **text) {
    int32_t n;
    if (r->end - r->at < sizeof n) return false;
    memcpy(&n, r->bytes + r->at, sizeof n);
    r->at += sizeof n;
    *text = NULL;
    if (n == NO_TEXT) return true;
    if (n < 0 || (size_t)n >= r->end - r->at || r->bytes[r->at + (size_t)n] != '\0') return false;
    *text = r->bytes + r->at;
    r->at += (size_t)n + 1;
    return true;
}

static bool get_field(reader *r, sty_view *view) {
    shape s;
    size_t n = sizeof(float);
    if (r->end - r->at < sizeof s) return false;
    memcpy(&s, r->bytes + r->at, sizeof s);
    r->at += sizeof s;
    if (s.rank < 0 || s.rank > STY_MAX_RANK) return false;
    view->rank = s.rank;
    for (int d = 0; d < s.rank; d++) {
        view->dim[d] = s.dim[d];
        if (!sty_mul(n, s.dim[d], &n)) return false;
    }
    if (n > r->end - r->at) return false;
    view->data = (const float *)(const void *)(r->bytes + r->at);
    r->at += n + (8 - n % 8) % 8;
    return r->at <= r->end;
}

bool sty_unpack_record(const void *bytes, size_t n, size_t *at, sty_unpacked *out) {
    head h;
    if (*at > n || n - *at < sizeof h) return false;
    memcpy(&h, (const char *)bytes + *at, sizeof h);
    if (h.size > n - *at || h.size < sizeof h || h.size % 8 || h.n_notes > STY_MAX_NOTES ||
        h.n_columns > STY_MAX_COLUMNS || h.n_fields > STY_MAX_FIELDS || (unsigned)h.status >= STY_N_STATUS)
        return false;
    reader r = {bytes, *at + sizeof h, *at + h.size};
    sty_record *record = &out->record;
    record->status = (sty_status)h.status;
    record->channel = h.channel;
    record->rate_hz = h.rate_hz;
    record->start_s = h.start_s;
    record->duration_s = h.duration_s;
    record->left_out_s = h.left_out_s;
    record->n_frames = (size_t)h.n_frames;
    record->n_pieces = (size_t)h.n_pieces;
    record->n_padded = (size_t)h.n_padded;
    record->n_notes = h.n_notes;
    record->n_columns = h.n_columns;
    record->n_fields = h.n_fields;
    record->notes = out->notes;
    record->columns = out->columns;
    record->fields = out->fields;
    bool good = get_text(&r, &record->id) && get_text(&r, &record->path) && get_text(&r, &record->input) &&
                get_text(&r, &record->series) && get_text(&r, &record->speaker) &&
                get_text(&r, &record->message) && record->id && record->path;
    for (size_t i = 0; good && i < h.n_notes; i++)
        good = get_text(&r, &out->notes[i]) && out->notes[i];
    for (size_t i = 0; good && i < h.n_columns; i++)
        good = get_text(&r, &out->columns[i]);
    r.at += (8 - (r.at - *at) % 8) % 8;
    for (size_t i = 0; good && i < h.n_fields; i++)
        good = r.at <= r.end && get_field(&r, &out->fields[i].view);
    if (good && record->status != STY_OK && !record->message) good = false;
    *at += h.size;
    return good;
}
