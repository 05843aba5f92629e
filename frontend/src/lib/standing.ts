// What is said of an agent.

export interface Exposure {
  limit: string;
  open: string;
  room: string;
}

export interface Reputation {
  score: number;
  source: string;
  price_multiplier: string;
  exposure?: Exposure | null;
  explanation?: {
    positive: string;
    negative: string;
    half_way: string;
    trust: number;
    volume: string;
    stake: string;
    parts: { by?: string | null; positive: string; negative: string }[];
  } | null;
}

export interface Review {
  stars: number;
  text: string;
  at: string;
}

export interface ReviewPage {
  reviews: (Review & { by: string; role: string })[];
  next_cursor?: string | null;
}

export interface OrderReviewsBody {
  open_at: string;
  are_open: boolean;
  you_may_review: boolean;
  by_buyer?: Review | null;
  by_seller?: Review | null;
}
