/// Who owns which field: server-side apply, and what differs between what one owner wants and what
/// is live.
@NullMarked
package dev.slipway.model.ownership;

import org.jspecify.annotations.NullMarked;
