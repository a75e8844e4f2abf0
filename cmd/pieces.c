/* pieces.c - see pieces.h. The rule for the cuts is that of OpenVoice's splitter
 * (openvoice/se_extractor.py, 10 s): equal pieces, ends at whole milliseconds, the
 * last one to the end. */
#include "pieces.h"

#include <math.h>

static sty_status add_run(sty_session *session, const char *const *names, size_t n, sty_average *average,
                          size_t *n_frames, size_t *n_padded, sty_err *err) {
    sty_view views[STY_MAX_FIELDS];
    for (size_t i = 0; i < n; i++)
        STY_TRY(sty_session_output(session, names[i], &views[i], err));
    STY_TRY(sty_average_add(average, names, views, err));
    *n_frames += sty_session_frames(session);
    *n_padded += sty_session_padded(session);
    return STY_OK;
}

/* The first sample of piece i of n. */
static size_t cut_at(const sty_clip_info *clip, size_t i, size_t n) {
    const double seconds = (double)clip->n_frames / clip->rate_hz;
    if (i == n) return clip->n_frames;
    return (size_t)(floor(seconds * (double)i / (double)n * 1000) * clip->rate_hz / 1000);
}

sty_status run_pieces(sty_session *session, const input *in, double chunk_s, const char *const *names,
                      size_t n, sty_average *average, size_t *n_frames, size_t *n_padded, sty_err *err) {
    if (in->is_features || chunk_s <= 0) {
        STY_TRY(input_run(session, in, err));
        return add_run(session, names, n, average, n_frames, n_padded, err);
    }
    const sty_clip_info *clip = sty_clip_facts(in->clip);
    const double wanted = nearbyint((double)clip->n_frames / clip->rate_hz / chunk_s);
    const size_t n_pieces = wanted < 1 ? 1 : (size_t)wanted;
    sty_status status = STY_OK;
    for (size_t i = 0; i < n_pieces && status == STY_OK; i++) {
        const size_t begin = cut_at(clip, i, n_pieces), end = cut_at(clip, i + 1, n_pieces);
        input piece = {.path = in->path};
        STY_TRY(sty_clip_cut(in->clip, begin, end, &piece.clip, err));
        status = input_run(session, &piece, err);
        if (status == STY_OK) status = add_run(session, names, n, average, n_frames, n_padded, err);
        input_clear(&piece);
    }
    return status;
}
