/* views.h - how stored things look in an answer. */
#ifndef API_VIEWS_H
#define API_VIEWS_H

#include "core/session.h"

void view_account(struct buf *b, const struct account *who);
void view_tokens(struct buf *b, const struct tokens *t);
void view_session(struct buf *b, const struct session_info *s, struct uuid current);

#endif
